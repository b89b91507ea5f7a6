/** Seconds after which a wait is worth a line of its own, and after which it is shown again. */
const FIRST_S = 5
const AGAIN_S = 30

/** What is waited for, in words, and for how long at most; null: until it comes or the user ends it. */
export interface Wait {
  readonly what: () => string
  readonly limit_s: number | null
}

/** Works, and shows meanwhile what is waited for. */
export async function waiting<T>(
  reporter: { wait(what: string, limit_s: number | null): () => void },
  what: string,
  limit_s: number | null,
  work: () => Promise<T>,
): Promise<T> {
  const end = reporter.wait(what, limit_s)
  try {
    return await work()
  } finally {
    end()
  }
}

/** `Waiting for X (12 s, 30 s at most).` */
export function waitText({ what, limit_s }: Wait, waited_s: number): string {
  const most = limit_s === null ? '' : `, ${Number(limit_s.toPrecision(3))} s at most`
  return `Waiting for ${what()} (${Math.round(waited_s)} s${most}).`
}

/**
 * Shows a wait, so that nobody sits before a silent program.
 * @param live on a terminal: the newest text, every second; else a line after some seconds and then now and again
 * @returns what ends it
 */
export function showWait(wait: Wait, live: boolean, show: (text: string) => void): () => void {
  const began = performance.now()
  const waited_s = () => (performance.now() - began) / 1000
  let next = live ? 0 : FIRST_S
  const timer = setInterval(() => {
    if (waited_s() < next) return
    show(waitText(wait, waited_s()))
    next = waited_s() + (live ? 0 : AGAIN_S)
  }, 1000)
  timer.unref()
  return () => clearInterval(timer)
}
