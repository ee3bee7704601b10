/** What is kept with an object besides its bytes. */
import type { Checksum } from './checksum.ts';

export interface PartMeta {
  readonly number: number;
  readonly size: number;
  /** Base64, of the object's algorithm. */
  readonly checksum?: string;
}

/** Stored as JSON. Header values are latin-1 strings, one character a byte, as they came. */
export interface ObjectMeta {
  readonly contentType?: string;
  /** cache-control, content-disposition, content-encoding, content-language, expires, … */
  readonly headers?: Readonly<Record<string, string>>;
  /** Without the x-amz-meta- prefix, in lower case. */
  readonly user?: Readonly<Record<string, string>>;
  /** Absent = STANDARD. */
  readonly storageClass?: string;
  readonly checksum?: Checksum;
  /** Of multipart uploads, in order. */
  readonly parts?: readonly PartMeta[];
}
