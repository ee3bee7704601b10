export { connectToControl, listenForControl } from './control-socket.ts';
export type { FileSystemControl } from './control-socket.ts';
export { FileSystemServerError } from './file-system-server.ts';
export type {
  ConflictEnd,
  FileConflict,
  FileFailure,
  FileSystemMetrics,
  FileSystemServer,
  FileSystemServerErrorCode,
  FileSystemServerEvent,
  FileSystemServerOptions,
  FileSystemStatus,
  Log,
  LogLevel,
} from './file-system-server.ts';
export type { FailureList, FsyncTarget, PendingList } from '@moorage/file-system';
export type { ChangeSource } from '@moorage/file-system/transfer';
export { startFileSystemServer } from './start-file-system-server.ts';
