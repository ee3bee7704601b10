export { newRunId, isRunId, type RunIdSource } from './run-id.ts';
export {
  sha256Hex,
  syncDirectory,
  writeFileAtomic,
  writeReferenced,
  type FileReference,
} from './atomic-file.ts';
export { runLayout, type RunLayout } from './layout.ts';
export { readRunRecord, writeRunRecord, type RunRecord, type RunStatus } from './run-record.ts';
export {
  IntegrityError,
  readManifest,
  readReferenced,
  writeManifest,
  type Manifest,
  type ManifestFile,
  type ManifestSkip,
} from './manifest.ts';
export {
  claimAgentDirectory,
  openAttempt,
  verifyDone,
  writeAttemptFile,
  writeDone,
  type Attempt,
  type DoneMarker,
} from './agent-directory.ts';
export { publish, stage, stagingDirectory } from './publish.ts';
export { acquireLease, type Lease, type LeaseOptions } from './lease.ts';
