/** The sources of a function could not be made into code that runs. */
export class BuildError extends Error {
  /** Logical id in the template. */
  readonly functionId: string;

  constructor(functionId: string, reason: string) {
    super(`function ${functionId} cannot be built: ${reason}`);
    this.name = 'BuildError';
    this.functionId = functionId;
  }
}
