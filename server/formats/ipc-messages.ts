/** One encapsulated message of an Arrow IPC stream, with its framing. */
export interface IpcMessage {
  readonly kind: 'schema' | 'dictionary_batch' | 'record_batch' | 'other'
  readonly bytes: Uint8Array
}

const KINDS = ['other', 'schema', 'dictionary_batch', 'record_batch'] as const

/**
 * Cuts an Arrow IPC stream into its messages, without the end-of-stream marker.
 * Source: Arrow columnar format, "Encapsulated message format"; Message.fbs (fields 1: header type, 3: body length).
 */
export function ipcMessages(bytes: Uint8Array): IpcMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const messages: IpcMessage[] = []
  let at = 0
  while (at + 8 <= bytes.byteLength) {
    const metadata_bytes = view.getInt32(at + 4, true)
    if (metadata_bytes === 0) break
    const root = at + 8 + view.getInt32(at + 8, true)
    const vtable = root - view.getInt32(root, true)
    const field = (n: number) => {
      const slot = 4 + 2 * n
      return slot < view.getUint16(vtable, true) ? view.getUint16(vtable + slot, true) : 0
    }
    const kind = field(1) === 0 ? 0 : view.getUint8(root + field(1))
    const body = field(3) === 0 ? 0 : Number(view.getBigInt64(root + field(3), true))
    const end = at + 8 + metadata_bytes + body
    messages.push({ kind: KINDS[kind] ?? 'other', bytes: bytes.subarray(at, end) })
    at = end
  }
  return messages
}
