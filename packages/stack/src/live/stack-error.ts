export type StackErrorCode =
  | 'AccessDenied'
  | 'BucketMissing'
  | 'BucketNotVersioned'
  | 'BucketUnusable'
  | 'StoreFailed'
  | 'StoreUnreachable'
  | 'TemplateUnreadable';

/** The stack cannot be brought up, or cannot go on: what is wrong, and what to do about it. */
export class StackError extends Error {
  readonly code: StackErrorCode;
  readonly remedy: string;

  constructor(code: StackErrorCode, message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StackError';
    this.code = code;
    this.remedy = remedy;
  }
}
