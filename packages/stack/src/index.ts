export type * from './template/plan.ts';
export { TemplateError, type Position } from './template/template-error.ts';
export { BuildError } from './build/build-error.ts';
export {
  startStack,
  type Stack,
  type StackOptions,
  type StackProgress,
} from './live/start-stack.ts';
export { StackError, type StackErrorCode } from './live/stack-error.ts';
export { endpointFile, type EndpointFile } from './live/endpoint.ts';
export { belowMount, PAYLOAD_FILE_BYTES_MAX, readPayloadRoots } from './live/payload-files.ts';
export type { Clock, Log, LogLevel, Random } from '@moorage/functions';
export type { FileSystemServer } from './file-system-server/file-system-server.ts';
export type { BucketLocation } from '@moorage/object-store';
