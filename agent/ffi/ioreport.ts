import { join } from 'node:path'
import { known, type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import { text } from './c-text.ts'
import { loadLibrary, type NativeLibrary } from './native-library.ts'

/** One line of IOReport's group "Energy Model": what a part of the chip used since the group was opened. */
export interface EnergyChannel {
  readonly name: string
  /** As IOReport writes it; it differs by channel, chip and macOS. */
  readonly unit: string
  readonly value: bigint
}

/** Apple's energy model of its own chips. Nothing throws: a call that fails gives the reason. */
export interface EnergyModel {
  /** Every channel since the model was opened. */
  read(): Maybe<readonly EnergyChannel[]>
  close(): void
}

/** Where macOS keeps the two libraries; both in `dir` where one is given. */
export function ioreportPaths(dir: string | null): { ioreport: string; foundation: string } {
  return {
    ioreport: dir === null ? '/usr/lib/libIOReport.dylib' : join(dir, 'libIOReport.dylib'),
    foundation:
      dir === null
        ? '/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation'
        : join(dir, 'CoreFoundation'),
  }
}

const P = 'void *'
const UTF8 = 0x0800_0100
/** Names and units are far shorter. */
const TEXT_ROOM = 256

type Pointer = unknown

/**
 * Opens the energy model. IOReport is a private library without documentation: its functions and their types are those
 * that tools for macOS have long used.
 */
export async function openEnergyModel(
  dir: string | null,
): Promise<{ model: EnergyModel } | { model: null; reason: Reason; tried: readonly string[] }> {
  const paths = ioreportPaths(dir)
  const io = await loadLibrary([paths.ioreport], 0)
  const cf = await loadLibrary([paths.foundation], 0)
  if (io.library === null || cf.library === null) {
    const tried = [...('tried' in io ? io.tried : []), ...('tried' in cf ? cf.tried : [])]
    return { model: null, reason: 'no_library', tried }
  }
  const calls = bindAll(io.library, cf.library)
  if (calls === null) return { model: null, reason: 'no_library', tried: [paths.ioreport] }
  const model = openWith(calls)
  return model === null
    ? { model: null, reason: 'unsupported', tried: [paths.ioreport] }
    : { model }
}

/** The functions, each by the name of its library's; null where one is missing. */
function bindAll(io: NativeLibrary, cf: NativeLibrary) {
  const found = {
    release: cf.find('CFRelease', 'void', [P]),
    newString: cf.find('CFStringCreateWithCString', P, [P, 'const char *', 'uint32_t']),
    stringText: cf.find('CFStringGetCString', 'bool', [P, P, 'long', 'uint32_t']),
    mutableCopy: cf.find('CFDictionaryCreateMutableCopy', P, [P, 'long', P]),
    valueOf: cf.find('CFDictionaryGetValue', P, [P, P]),
    count: cf.find('CFArrayGetCount', 'long', [P]),
    at: cf.find('CFArrayGetValueAtIndex', P, [P, 'long']),
    channelsInGroup: io.find('IOReportCopyChannelsInGroup', P, [
      P,
      P,
      'uint64_t',
      'uint64_t',
      'uint64_t',
    ]),
    subscribe: io.find('IOReportCreateSubscription', P, [P, P, P, 'uint64_t', P]),
    sample: io.find('IOReportCreateSamples', P, [P, P, P]),
    delta: io.find('IOReportCreateSamplesDelta', P, [P, P, P]),
    channelName: io.find('IOReportChannelGetChannelName', P, [P]),
    unitLabel: io.find('IOReportChannelGetUnitLabel', P, [P]),
    integer: io.find('IOReportSimpleGetIntegerValue', 'int64_t', [P, 'int32_t']),
  }
  type Found = { readonly [name in keyof typeof found]: NonNullable<(typeof found)[name]> }
  return Object.values(found).includes(null) ? null : (found as Found)
}
type Calls = NonNullable<ReturnType<typeof bindAll>>

/** null: this chip or this macOS has no such group. */
function openWith(calls: Calls): EnergyModel | null {
  const owned: Pointer[] = []
  /** Keeps what a call made, to be released at the end; null where it made nothing. */
  const keep = (made: Pointer): Pointer | null => {
    if (made === null) return null
    owned.push(made)
    return made
  }
  const close = () => {
    for (const made of owned.splice(0).reverse()) calls.release(made)
  }
  const group = keep(calls.newString(null, 'Energy Model', UTF8))
  const list = keep(calls.newString(null, 'IOReportChannels', UTF8))
  const wanted = group && keep(calls.channelsInGroup(group, null, 0, 0, 0))
  const channels = wanted && keep(calls.mutableCopy(null, 0, wanted))
  // Whose the channels are that a subscription gives back is not documented: they are left alone.
  const given = Buffer.alloc(8)
  const subscription = channels && keep(calls.subscribe(null, channels, given, 0, null))
  const first = subscription && keep(calls.sample(subscription, channels, null))
  if (!first || list === null) {
    close()
    return null
  }
  return {
    close,
    read() {
      const now = calls.sample(subscription, channels, null)
      if (now === null) return unknown('lost')
      const since = calls.delta(first, now, null)
      calls.release(now)
      if (since === null) return unknown('lost')
      const read = channelsOf(calls, calls.valueOf(since, list))
      calls.release(since)
      return known(read)
    },
  }
}

function channelsOf(calls: Calls, list: Pointer): EnergyChannel[] {
  if (list === null) return []
  return Array.from({ length: Number(calls.count(list)) }, (_, i) => {
    const item = calls.at(list, i)
    return {
      name: textOf(calls, calls.channelName(item)),
      unit: textOf(calls, calls.unitLabel(item)),
      value: BigInt(calls.integer(item, 0) as number | bigint),
    }
  })
}

function textOf(calls: Calls, string: Pointer): string {
  const out = Buffer.alloc(TEXT_ROOM)
  return string !== null && calls.stringText(string, out, out.length, UTF8) ? text(out).trim() : ''
}
