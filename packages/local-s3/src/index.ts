export { startLocalS3 } from './start.ts';
export type { LocalS3, LocalS3Options } from './start.ts';
export type { Credentials } from './credentials.ts';
