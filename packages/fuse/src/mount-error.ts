/** Why a directory could not be mounted or unmounted; the message says what to do about it. */
export type MountErrorCode =
  | 'NO_FUSE_DEVICE'
  | 'FUSE_DEVICE_CLOSED'
  | 'MOUNTING_NOT_ALLOWED'
  | 'MOUNT_POINT_MISSING'
  | 'MOUNT_POINT_NOT_DIRECTORY'
  | 'MOUNT_POINT_NOT_EMPTY'
  | 'ALREADY_MOUNTED'
  | 'MOUNT_FAILED'
  | 'BUSY'
  | 'NOT_MOUNTED';

export class MountError extends Error {
  readonly code: MountErrorCode;

  constructor(code: MountErrorCode, message: string) {
    super(message);
    this.name = 'MountError';
    this.code = code;
  }
}
