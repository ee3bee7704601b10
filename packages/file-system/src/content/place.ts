/**
 * Where a file's bytes are, as the one number kept in its row.
 *
 * 0: nowhere here (empty, all zeros, or in S3 only). Low three bits 1..5: size class of a slot, the rest is the
 * slot's number. 6: a cache file of its own, the rest is its generation: another version of the object gets
 * another file, so that a late download can never write into it.
 */

export const noPlace = 0;
const cacheFile = 6;

/** Bytes of a slot in each size class. A file larger than the last gets a cache file. */
export const slotBytes: readonly number[] = [512, 2048, 8192, 24576, 65536];
export const smallBytesMax = 65536;
/** 48 TiB less a little: what one S3 object can hold. */
export const fileBytesMax = 52_673_613_135_872;

export function isSlot(place: number): boolean {
  const kind = place % 8;
  return kind > 0 && kind < cacheFile;
}
export function isCacheFile(place: number): boolean {
  return place % 8 === cacheFile;
}
export function slotPlace(sizeClass: number, slot: number): number {
  return slot * 8 + sizeClass + 1;
}
export function sizeClassOf(place: number): number {
  return (place % 8) - 1;
}
/** Slot number or generation. */
export function numberOf(place: number): number {
  return Math.floor(place / 8);
}
export function cacheFilePlace(generation: number): number {
  return generation * 8 + cacheFile;
}
/** The smallest class that holds so many bytes. */
export function classFor(bytes: number): number {
  let sizeClass = 0;
  while (slotBytes[sizeClass]! < bytes) sizeClass++;
  return sizeClass;
}
