/** The log of one invocation: START, the handler's lines, END and REPORT, in Lambda's two formats. */
import type { FunctionConfiguration } from './function-configuration.ts';
import { LOG_TAIL_BYTES_MAX, type InvocationReport } from './invocation.ts';
import { LogTail } from './log-lines.ts';
import type { Clock } from './ports.ts';

export interface InvocationLogOptions {
  f: FunctionConfiguration;
  requestId: string;
  clock: Clock;
  /** The function's log file. */
  file: (line: string) => void;
  listener: ((line: string) => void) | undefined;
}

export class InvocationLog {
  readonly #options: InvocationLogOptions;
  readonly #tail = new LogTail(LOG_TAIL_BYTES_MAX);

  constructor(options: InvocationLogOptions) {
    this.#options = options;
  }

  line(text: string): void {
    this.#tail.add(text);
    this.#options.file(text);
    this.#options.listener?.(text);
  }

  start(): void {
    const { f, requestId } = this.#options;
    if (f.logFormat === 'JSON') this.#platform('platform.start', { version: f.version });
    else this.line(`START RequestId: ${requestId} Version: ${f.version}`);
  }

  end(report: InvocationReport, errorType: string | undefined): void {
    const { f, requestId } = this.#options;
    const billedDurationMs = Math.ceil(report.durationMs + (report.initDurationMs ?? 0));
    if (f.logFormat === 'JSON') {
      const { status, durationMs, initDurationMs, memoryMb, maxMemoryUsedMb } = report;
      this.#platform('platform.report', {
        metrics: {
          durationMs,
          billedDurationMs,
          memorySizeMB: memoryMb,
          ...(maxMemoryUsedMb === undefined ? {} : { maxMemoryUsedMB: maxMemoryUsedMb }),
          ...(initDurationMs === undefined ? {} : { initDurationMs }),
        },
        ...(errorType === undefined ? {} : { errorType }),
        status: status === 'error' ? 'failure' : status,
      });
      return;
    }
    this.line(`END RequestId: ${requestId}`);
    const fields = [
      `REPORT RequestId: ${requestId}`,
      `Duration: ${report.durationMs.toFixed(2)} ms`,
      `Billed Duration: ${billedDurationMs} ms`,
      `Memory Size: ${report.memoryMb} MB`,
    ];
    if (report.maxMemoryUsedMb !== undefined)
      fields.push(`Max Memory Used: ${report.maxMemoryUsedMb} MB`);
    if (report.initDurationMs !== undefined)
      fields.push(`Init Duration: ${report.initDurationMs.toFixed(2)} ms`);
    if (report.status !== 'success') fields.push(`Status: ${report.status}`);
    if (errorType !== undefined) fields.push(`Error Type: ${errorType}`);
    this.line(fields.join('\t'));
  }

  tail(): string {
    return this.#tail.toString();
  }

  #platform(type: string, record: Readonly<Record<string, unknown>>): void {
    const time = new Date(this.#options.clock.now()).toISOString();
    const requestId = this.#options.requestId;
    this.line(JSON.stringify({ time, type, record: { requestId, ...record } }));
  }
}
