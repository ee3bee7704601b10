// The way to a file system that another process serves, for commands that only ask: it loads nothing of what
// serves, mounts or speaks S3.
export { connectToControl, listenForControl } from './file-system-server/control-socket.ts';
export type { FileSystemControl } from './file-system-server/control-socket.ts';
export { FileSystemServerError } from './file-system-server/file-system-server.ts';
export type {
  FileConflict,
  FileFailure,
  FileSystemMetrics,
  FileSystemStatus,
} from './file-system-server/file-system-server.ts';
export type { FailureList, PendingList } from '@moorage/file-system';
export type { SynchronizationConfiguration } from '@moorage/file-system/configuration';
