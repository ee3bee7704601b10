/**
 * The cyclic checksums of S3: CRC-32 (zlib's), CRC-32C and CRC-64/NVME, all reflected, all ones in,
 * all ones out; and joining the checksums of parts into that of the whole (FULL_OBJECT).
 */
import { crc32 } from 'node:zlib';

/** A running checksum. */
export interface Crc {
  update(data: Uint8Array): void;
  /** Big-endian bytes. */
  digest(): Buffer;
}

class Crc32 implements Crc {
  #value = 0;
  update(data: Uint8Array): void {
    this.#value = crc32(data, this.#value);
  }
  digest(): Buffer {
    const out = Buffer.alloc(4);
    out.writeUInt32BE(this.#value >>> 0);
    return out;
  }
}

/** Slicing-by-8 tables for a 32-bit reflected polynomial; table k at offset 256·k. */
function tables32(polynomial: number): Uint32Array {
  const t = new Uint32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ polynomial : c >>> 1;
    t[i] = c;
  }
  for (let i = 256; i < t.length; i++) {
    const before = t[i - 256] as number;
    t[i] = (before >>> 8) ^ (t[before & 255] as number);
  }
  return t;
}

let castagnoli: Uint32Array | undefined;

class Crc32c implements Crc {
  #value = 0xffffffff;
  readonly #table: Uint32Array;
  constructor() {
    this.#table = castagnoli ??= tables32(0x82f63b78);
  }
  update(data: Uint8Array): void {
    const t = this.#table;
    let c = this.#value;
    let i = 0;
    const whole = data.length - (data.length % 8);
    for (; i < whole; i += 8) {
      c ^= data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
      c =
        t[1792 + (c & 255)]! ^
        t[1536 + ((c >>> 8) & 255)]! ^
        t[1280 + ((c >>> 16) & 255)]! ^
        t[1024 + (c >>> 24)]! ^
        t[768 + data[i + 4]!]! ^
        t[512 + data[i + 5]!]! ^
        t[256 + data[i + 6]!]! ^
        t[data[i + 7]!]!;
    }
    for (; i < data.length; i++) c = (c >>> 8) ^ t[(c ^ data[i]!) & 255]!;
    this.#value = c;
  }
  digest(): Buffer {
    const out = Buffer.alloc(4);
    out.writeUInt32BE(~this.#value >>> 0);
    return out;
  }
}

interface Tables64 {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

const nvmePolynomial = 0x9a6c9329ac4bc9b5n;
let nvme: Tables64 | undefined;

function tables64(): Tables64 {
  const low = new Uint32Array(8 * 256);
  const high = new Uint32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let c = BigInt(i);
    for (let bit = 0; bit < 8; bit++) c = c & 1n ? (c >> 1n) ^ nvmePolynomial : c >> 1n;
    low[i] = Number(c & 0xffffffffn);
    high[i] = Number(c >> 32n);
  }
  for (let i = 256; i < low.length; i++) {
    const l = low[i - 256]!;
    const h = high[i - 256]!;
    low[i] = ((l >>> 8) | (h << 24)) ^ low[l & 255]!;
    high[i] = (h >>> 8) ^ high[l & 255]!;
  }
  return { low, high };
}

class Crc64Nvme implements Crc {
  #low = 0xffffffff;
  #high = 0xffffffff;
  readonly #tables: Tables64;
  constructor() {
    this.#tables = nvme ??= tables64();
  }
  update(data: Uint8Array): void {
    const tl = this.#tables.low;
    const th = this.#tables.high;
    let l = this.#low;
    let h = this.#high;
    let i = 0;
    const whole = data.length - (data.length % 8);
    for (; i < whole; i += 8) {
      l ^= data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
      h ^= data[i + 4]! | (data[i + 5]! << 8) | (data[i + 6]! << 16) | (data[i + 7]! << 24);
      const a = 1792 + (l & 255);
      const b = 1536 + ((l >>> 8) & 255);
      const c = 1280 + ((l >>> 16) & 255);
      const d = 1024 + (l >>> 24);
      const e = 768 + (h & 255);
      const f = 512 + ((h >>> 8) & 255);
      const g = 256 + ((h >>> 16) & 255);
      const k = h >>> 24;
      l = tl[a]! ^ tl[b]! ^ tl[c]! ^ tl[d]! ^ tl[e]! ^ tl[f]! ^ tl[g]! ^ tl[k]!;
      h = th[a]! ^ th[b]! ^ th[c]! ^ th[d]! ^ th[e]! ^ th[f]! ^ th[g]! ^ th[k]!;
    }
    for (; i < data.length; i++) {
      const at = (l ^ data[i]!) & 255;
      l = ((l >>> 8) | (h << 24)) ^ tl[at]!;
      h = (h >>> 8) ^ th[at]!;
    }
    this.#low = l;
    this.#high = h;
  }
  digest(): Buffer {
    const out = Buffer.alloc(8);
    out.writeUInt32BE(~this.#high >>> 0, 0);
    out.writeUInt32BE(~this.#low >>> 0, 4);
    return out;
  }
}

/** The cyclic algorithms, by the name S3 gives them. */
export type CrcName = 'CRC32' | 'CRC32C' | 'CRC64NVME';

/** A fresh checksum. */
export function startCrc(name: CrcName): Crc {
  switch (name) {
    case 'CRC32':
      return new Crc32();
    case 'CRC32C':
      return new Crc32c();
    case 'CRC64NVME':
      return new Crc64Nvme();
  }
}

const polynomials: Readonly<Record<CrcName, readonly [polynomial: bigint, bits: number]>> = {
  CRC32: [0xedb88320n, 32],
  CRC32C: [0x82f63b78n, 32],
  CRC64NVME: [nvmePolynomial, 64],
};

type Matrix = readonly bigint[];
const zeroOperators = new Map<CrcName, Matrix[]>();

function times(matrix: Matrix, vector: bigint): bigint {
  let sum = 0n;
  for (let i = 0; vector !== 0n; i++, vector >>= 1n) if (vector & 1n) sum ^= matrix[i]!;
  return sum;
}

/** Operators that append 2^k zero bytes to a checksum, k = 0 … 53. */
function operators(name: CrcName): Matrix[] {
  let found = zeroOperators.get(name);
  if (found === undefined) {
    const [polynomial, bits] = polynomials[name];
    let matrix: bigint[] = [polynomial];
    for (let i = 1; i < bits; i++) matrix.push(1n << BigInt(i - 1));
    const square = (m: Matrix): bigint[] => m.map((row) => times(m, row));
    for (let i = 0; i < 3; i++) matrix = square(matrix);
    found = [];
    for (let k = 0; k <= 53; k++) {
      found.push(matrix);
      matrix = square(matrix);
    }
    zeroOperators.set(name, found);
  }
  return found;
}

/** The checksum of A followed by B, from both checksums and B's length in bytes. */
export function joinCrc(
  name: CrcName,
  first: Buffer,
  second: Buffer,
  secondLength: number,
): Buffer {
  const matrices = operators(name);
  let value = BigInt(`0x${first.toString('hex')}`);
  for (let k = 0, n = secondLength; n > 0; k++, n = Math.floor(n / 2)) {
    if (n % 2 === 1) value = times(matrices[k]!, value);
  }
  value ^= BigInt(`0x${second.toString('hex')}`);
  return Buffer.from(value.toString(16).padStart(first.length * 2, '0'), 'hex');
}
