/**
 * Work that heats a GPU, as PTX that the driver compiles for the card at hand. Every kernel does `count` equal steps:
 * the same work whatever the clocks do.
 *
 * register: tensor products of operands in registers; shared: the operands come anew from shared memory; stream: a
 * part of them from the level 2 cache; memory: that part from the card's memory; warpgroup: Hopper's own products of
 * four warps together; ffma: for cards before Ampere. Which of them draws most differs from card to card, so it is
 * found out on the spot.
 */
export const KERNELS = ['register', 'shared', 'stream', 'memory', 'warpgroup', 'ffma'] as const
export type KernelName = (typeof KERNELS)[number]

interface Kernel {
  readonly ptx: string
  /** Name of the function, and bytes of operands that it walks through: a power of two. */
  readonly entry: string
  readonly bytes: number
  /** Compute capabilities that it runs on, 10 × major + minor. */
  runsOn(capability: number): boolean
}

export const THREADS = 256
const MIB = 2 ** 20

/** Parameters of every kernel: operands, where a result would go, operand bytes - 1, steps. */
const HEAD = `.param .u64 operands, .param .u64 sink, .param .u32 mask, .param .u32 count`

/** Places of a thread: %d its own operands, %m the mask, %n the steps, %o its offset, %w the stride of the grid. */
const PLACES = `
  .reg .pred %p;
  .reg .b32 %n, %m, %o, %w, %t, %u, %x, %y;
  .reg .b64 %d, %g, %k;
  ld.param.u64 %d, [operands];
  cvta.to.global.u64 %d, %d;
  ld.param.u32 %m, [mask];
  ld.param.u32 %n, [count];
  mov.u32 %t, %tid.x;
  mov.u32 %u, %ctaid.x;
  mad.lo.u32 %o, %u, ${THREADS}, %t;
  shl.b32 %o, %o, 4;
  mov.u32 %w, %nctaid.x;
  mul.lo.u32 %w, %w, ${THREADS * 16};
  and.b32 %o, %o, %m;
  cvt.u64.u32 %g, %o;
  add.u64 %g, %d, %g;`

const list = (name: string, from: number, n: number) =>
  `{${Array.from({ length: n }, (_, i) => `%${name}${from + i}`).join(', ')}}`

/** Four fragments of A times four of B: 16 products of 16 × 8 × 16, each into sums of its own. */
const PRODUCTS = Array.from({ length: 16 }, (_, i) => {
  const sums = list('c', 4 * i, 4)
  const a = list('a', 4 * (i >> 2), 4)
  const b = list('b', 2 * (i & 3), 2)
  return `  mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 ${sums}, ${a}, ${b}, ${sums};`
}).join('\n')

/** The next 16 bytes of the thread's walk through the operands. */
const WALK = `  add.u32 %o, %o, %w;
  and.b32 %o, %o, %m;
  cvt.u64.u32 %k, %o;
  add.u64 %g, %d, %k;`

/** A result is stored where the sums make a pattern that they never make, so that no step can be left out. */
const finish = (sums: number) => `
  mov.b32 %x, %c0;
${Array.from({ length: sums - 1 }, (_, i) => `  mov.b32 %y, %c${i + 1};\n  xor.b32 %x, %x, %y;`).join('\n')}
  setp.ne.u32 %p, %x, 0x7fedcba9;
  @%p bra END;
  ld.param.u64 %g, [sink];
  cvta.to.global.u64 %g, %g;
  st.global.u32 [%g], %x;
END:
  ret;`

const loop = (body: string) => `
LOOP:
${body}
  sub.u32 %n, %n, 1;
  setp.ne.u32 %p, %n, 0;
  @%p bra LOOP;`

const SUMS = 64
const clear = (sums: number) =>
  Array.from({ length: sums }, (_, i) => `  mov.f32 %c${i}, 0f00000000;`).join('\n')

const TENSOR_HEAD = `.version 7.0
.target sm_80
.address_size 64
.visible .entry heat(${HEAD})
.maxntid ${THREADS}, 1, 1
{
  .reg .b32 %a<16>, %b<8>, %q<4>;
  .reg .f32 %c<${SUMS}>;`

const loadGlobal = (name: string, from: number) =>
  `  ld.global.v4.u32 ${list(name, from, 4)}, [%g];`

const REGISTER = `${TENSOR_HEAD}${PLACES}
${clear(SUMS)}
${[0, 4, 8, 12].map((i) => `${loadGlobal('a', i)}\n${WALK}`).join('\n')}
${[0, 4].map((i) => `${loadGlobal('b', i)}\n${WALK}`).join('\n')}
${loop(PRODUCTS)}
${finish(SUMS)}
}
`

/** Rows of shared memory, each 16 bytes a thread. */
const ROWS = 8
const ROW_BYTES = THREADS * 16

/** @param streamed a quarter of what shared memory gives comes from global memory instead, one round ahead */
function tiled(streamed: boolean): string {
  const next = (name: string, from: number) => `  ld.shared.v4.u32 ${list(name, from, 4)}, [%z];
  add.u32 %s, %s, ${ROW_BYTES};
  and.b32 %s, %s, ${ROWS * ROW_BYTES - 1};
  add.u32 %z, %v, %s;`
  const ahead = `${[0, 1, 2, 3].map((i) => `  mov.b32 %b${i}, %q${i};`).join('\n')}
${loadGlobal('q', 0)}
${WALK}`
  const round = `${next('a', 0)}
${next('a', 4)}
${streamed ? ahead : next('b', 0)}
${PRODUCTS}
${next('a', 8)}
${next('a', 12)}
${next('b', 4)}
${PRODUCTS}`
  const fill = Array.from(
    { length: ROWS },
    (_, row) => `${loadGlobal('a', 0)}
  st.shared.v4.u32 [%v + ${row * ROW_BYTES}], ${list('a', 0, 4)};
${WALK}`,
  ).join('\n')
  return `${TENSOR_HEAD}
  .reg .b32 %s, %v, %z;
  .shared .align 16 .b8 tile[${ROWS * ROW_BYTES}];${PLACES}
${clear(SUMS)}
  mov.u32 %v, tile;
  shl.b32 %s, %t, 4;
  add.u32 %v, %v, %s;
${fill}
  bar.sync 0;
  mov.u32 %s, 0;
  mov.u32 %z, %v;
${[0, 4, 8, 12].map((i) => next('a', i)).join('\n')}
${[0, 4].map((i) => next('b', i)).join('\n')}
${loadGlobal('q', 0)}
${WALK}
${loop(round)}
${finish(SUMS)}
}
`
}

/**
 * A descriptor of operands in shared memory without swizzle: blocks of 8 rows × 16 bytes lie one after another, two of
 * them (128 bytes apart) make a step of 16 in depth, and the next 8 rows lie 256 bytes on. Address and distances count in
 * 16 bytes. Source: PTX ISA, "Asynchronous warpgroup level matrix instructions", matrix descriptor.
 */
const DESCRIPTOR = (BigInt(128 >> 4) << 16n) | (BigInt(256 >> 4) << 32n)
/** Bytes of shared memory from one product's operands to the next: A is 64 × 16 halves, B 128 × 16. */
const A_BYTES = 64 * 16 * 2
const B_BYTES = 128 * 16 * 2
const IN_A_ROW = 8

const WARPGROUP = `.version 8.0
.target sm_90a
.address_size 64
.visible .entry heat(${HEAD})
.maxntid ${THREADS}, 1, 1
{
  .reg .b32 %a<4>, %q<4>, %s, %v;
  .reg .b64 %da, %db, %ea, %eb;
  .reg .f32 %c<${SUMS}>;
  .shared .align 128 .b8 tile[${ROWS * ROW_BYTES}];${PLACES}
${clear(SUMS)}
  mov.u32 %v, tile;
  shl.b32 %s, %t, 4;
  add.u32 %s, %v, %s;
${Array.from(
  { length: ROWS },
  (_, row) => `${loadGlobal('a', 0)}
  st.shared.v4.u32 [%s + ${row * ROW_BYTES}], ${list('a', 0, 4)};
${WALK}`,
).join('\n')}
  fence.proxy.async.shared::cta;
  bar.sync 0;
  shr.u32 %v, %v, 4;
  and.b32 %v, %v, 16383;
  cvt.u64.u32 %da, %v;
  or.b64 %da, %da, ${DESCRIPTOR};
  add.u64 %db, %da, ${(IN_A_ROW * A_BYTES) >> 4};
${loop(`  wgmma.fence.sync.aligned;
${Array.from({ length: IN_A_ROW }, (_, i) => {
  // B takes turns among what is left of the tile.
  const places = (ROWS * ROW_BYTES - IN_A_ROW * A_BYTES) / B_BYTES
  return `  add.u64 %ea, %da, ${(i * A_BYTES) >> 4};
  add.u64 %eb, %db, ${((i % places) * B_BYTES) >> 4};
  wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 ${list('c', 0, SUMS)}, %ea, %eb, 1, 1, 1, 0, 0;`
}).join('\n')}
  wgmma.commit_group.sync.aligned;
${loadGlobal('q', 0)}
${WALK}
  xor.b32 %q0, %q0, %q1;
  xor.b32 %q2, %q2, %q3;
  xor.b32 %a0, %a0, %q0;
  xor.b32 %a1, %a1, %q2;
  wgmma.wait_group.sync.aligned 0;`)}
  mov.b32 %x, %c0;
  xor.b32 %a0, %a0, %a1;
  xor.b32 %x, %x, %a0;
  mov.b32 %c0, %x;
${finish(SUMS)}
}
`

const FFMA_SUMS = 32
const FFMA = `.version 6.0
.target sm_50
.address_size 64
.visible .entry heat(${HEAD})
.maxntid ${THREADS}, 1, 1
{
  .reg .f32 %c<${FFMA_SUMS}>, %a<8>;${PLACES}
${clear(FFMA_SUMS)}
  ld.global.v4.f32 ${list('a', 0, 4)}, [%g];
${WALK}
  ld.global.v4.f32 ${list('a', 4, 4)}, [%g];
${loop(
  Array.from({ length: 4 * FFMA_SUMS }, (_, i) => {
    const c = `%c${i % FFMA_SUMS}`
    const turn = Math.floor(i / FFMA_SUMS)
    return `  fma.rn.f32 ${c}, %a${(i + turn) % 4}, ${c}, %a${4 + ((i + 3 * turn) % 4)};`
  }).join('\n'),
)}
${finish(FFMA_SUMS)}
}
`

/**
 * Fills operands with random halves of both signs between an eighth and one: sums of their products wander and never
 * overflow. Two adjoining halves are also one small float.
 */
export const FILL_PTX = `.version 6.0
.target sm_50
.address_size 64
.visible .entry fill(.param .u64 operands, .param .u32 words)
{
  .reg .pred %p;
  .reg .b32 %i, %n, %w, %t, %u, %v, %x;
  .reg .b64 %d, %g, %k;
  ld.param.u64 %d, [operands];
  cvta.to.global.u64 %d, %d;
  ld.param.u32 %n, [words];
  mov.u32 %t, %tid.x;
  mov.u32 %u, %ctaid.x;
  mov.u32 %v, %ntid.x;
  mad.lo.u32 %i, %u, %v, %t;
  mov.u32 %w, %nctaid.x;
  mul.lo.u32 %w, %w, %v;
FILL:
  setp.ge.u32 %p, %i, %n;
  @%p bra END;
  mad.lo.u32 %x, %i, 0x9e3779b1, 0x7f4a7c15;
  shr.u32 %t, %x, 16;
  xor.b32 %x, %x, %t;
  mul.lo.u32 %x, %x, 0x85ebca6b;
  shr.u32 %t, %x, 13;
  xor.b32 %x, %x, %t;
  mul.lo.u32 %x, %x, 0xc2b2ae35;
  shr.u32 %t, %x, 16;
  xor.b32 %x, %x, %t;
  and.b32 %x, %x, 0x8bff8bff;
  or.b32 %x, %x, 0x30003000;
  mul.wide.u32 %k, %i, 4;
  add.u64 %g, %d, %k;
  st.global.u32 [%g], %x;
  add.u32 %i, %i, %w;
  bra FILL;
END:
  ret;
}
`

const tensor = (capability: number): boolean => capability >= 80

export const KERNEL: Readonly<Record<KernelName, Kernel>> = {
  register: { ptx: REGISTER, entry: 'heat', bytes: 16 * MIB, runsOn: tensor },
  shared: { ptx: tiled(false), entry: 'heat', bytes: 16 * MIB, runsOn: tensor },
  stream: { ptx: tiled(true), entry: 'heat', bytes: 16 * MIB, runsOn: tensor },
  memory: { ptx: tiled(true), entry: 'heat', bytes: 1024 * MIB, runsOn: tensor },
  warpgroup: {
    ptx: WARPGROUP,
    entry: 'heat',
    bytes: 16 * MIB,
    runsOn: (capability) => capability === 90,
  },
  ffma: { ptx: FFMA, entry: 'heat', bytes: 16 * MIB, runsOn: () => true },
}
