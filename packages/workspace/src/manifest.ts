/**
 * manifest.json: what is in source/ and what was left out, and why. It is written once, after the last
 * source file, and its hash travels in the event of every agent: an agent that reads a manifest with that
 * hash sees exactly the tree its siblings see.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex, writeReferenced, type FileReference } from './atomic-file.ts';

export interface ManifestFile {
  /** Relative to source/, forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ManifestSkip {
  /** As text that is safe to print: bytes that are not UTF-8 and control characters are escaped. */
  readonly path: string;
  readonly reason: string;
}

export interface Manifest {
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  readonly files: readonly ManifestFile[];
  readonly skipped: readonly ManifestSkip[];
}

/** Writes manifest.json below the run directory. */
export async function writeManifest(
  runDirectory: string,
  manifest: Manifest,
): Promise<FileReference> {
  return writeReferenced(runDirectory, 'manifest.json', `${JSON.stringify(manifest)}\n`);
}

/** Reads and verifies a manifest; throws an IntegrityError when its bytes are not the referenced ones. */
export async function readManifest(
  runDirectory: string,
  reference: FileReference,
): Promise<Manifest> {
  return JSON.parse((await readReferenced(runDirectory, reference)).toString()) as Manifest;
}

/** The file behind a reference is missing or holds other bytes than its writer reported. */
export class IntegrityError extends Error {
  override readonly name = 'IntegrityError';
}

/** Reads a referenced file and compares size and hash. */
export async function readReferenced(
  runDirectory: string,
  reference: FileReference,
): Promise<Buffer> {
  if (reference.path.startsWith('/') || reference.path.split('/').includes('..')) {
    throw new IntegrityError(
      `reference ${JSON.stringify(reference.path)} leaves the run directory`,
    );
  }
  let bytes: Buffer;
  try {
    bytes = await readFile(join(runDirectory, reference.path));
  } catch (error) {
    throw new IntegrityError(`${reference.path} cannot be read`, { cause: error });
  }
  if (bytes.length !== reference.bytes || sha256Hex(bytes) !== reference.sha256) {
    throw new IntegrityError(`${reference.path} does not hold the bytes its writer reported`);
  }
  return bytes;
}
