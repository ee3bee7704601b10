/** Errors of the API, by AWS's names; `http.ts` writes them as rest-json. */

export type DurableErrorCode =
  | 'CallbackTimeoutException'
  | 'DurableExecutionAlreadyStartedException'
  | 'InvalidParameterValueException'
  | 'RequestTooLargeException'
  | 'ResourceNotFoundException'
  | 'ServiceException';

const STATUS: Readonly<Record<DurableErrorCode, number>> = {
  CallbackTimeoutException: 400,
  DurableExecutionAlreadyStartedException: 409,
  InvalidParameterValueException: 400,
  RequestTooLargeException: 413,
  ResourceNotFoundException: 404,
  ServiceException: 500,
};

/** A refused request. `status` is the HTTP status AWS answers with. */
export class DurableError extends Error {
  readonly code: DurableErrorCode;
  readonly status: number;

  constructor(code: DurableErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = code;
    this.code = code;
    this.status = STATUS[code];
  }
}

/** The journal's files cannot be read or are in use: the service does not start. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
}
