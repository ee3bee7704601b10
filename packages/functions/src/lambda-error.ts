/** Errors of Lambda's Invoke API: a closed set, each with its HTTP status. */

const STATUS = {
  InvalidParameterValueException: 400,
  InvalidRequestContentException: 400,
  ValidationException: 400,
  S3FilesMountFailureException: 403,
  ResourceNotFoundException: 404,
  ResourceConflictException: 409,
  RequestTooLargeException: 413,
  TooManyRequestsException: 429,
  ServiceException: 500,
} as const;

export type LambdaErrorCode = keyof typeof STATUS;

/** The service refuses or fails; an error of the function itself is a result, never this. */
export class LambdaError extends Error {
  readonly code: LambdaErrorCode;
  readonly status: number;

  constructor(code: LambdaErrorCode, message: string) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = STATUS[code];
  }
}
