export {
  Access,
  Allocate,
  Change,
  FsError,
  Kind,
  LockKind,
  LockType,
  Open,
  Rename,
  Seek,
  Write,
  errorOf,
  failure,
  lockEnd,
  newAttributes,
  ok,
  pending,
  rootIno,
} from './operations.ts';
export type {
  AccessPoint,
  AttributeChanges,
  Attributes,
  Caller,
  DirectoryEntry,
  FileSystemEvents,
  FileSystemOperations,
  FileSystemStatistics,
  Lock,
  Result,
  Status,
  WaitId,
} from './operations.ts';
export { FileSystem } from './file-system.ts';
export type { FileSystemOptions } from './file-system.ts';
export type { Clock, Planner } from './core/core.ts';
export type { Flusher, FsyncTarget } from './core/durability.ts';
export { received } from './transfer/sent-results.ts';
export { createPlanner } from './sync/planner.ts';
export type { SyncOptions } from './sync/context.ts';
export { KeyNamesFixed } from './sync/key-names.ts';
export type { DefaultAttributes } from './sync/posix-metadata.ts';
export { Dirty } from './sync/port.ts';
export type {
  ConflictRecord,
  ExportError,
  Failure,
  FailureList,
  ImportFailure,
  PendingChange,
  PendingList,
  Settlement,
  Sync,
  SyncConflict,
  SyncFailure,
  SyncStatus,
  Tree,
} from './sync/port.ts';
