import { Agent, type RequestInit, type Response, fetch as undiciFetch } from 'undici'

/**
 * As the global `fetch`, by the installed undici with connections of its own. Node 20's built-in one (undici 6) never
 * settles where the first connection of a process is closed before the answer: a server that is killed would be
 * waited for until the time limit.
 */
const connections = new Agent()

export const fetch = (url: string, init?: RequestInit): Promise<Response> =>
  undiciFetch(url, { ...init, dispatcher: connections })

export type { RequestInit, Response }
