// What a template declares, typed, with every reference settled. Nothing here has been started yet.
//
// Property names: AWS SAM `AWS::Serverless::Function`, `AWS::S3::Bucket`, `AWS::S3Files::*`.
import type { SynchronizationDocument } from '@moorage/file-system/configuration';

export interface BucketPlan {
  readonly logicalId: string;
  readonly bucket: string;
}

export interface FileSystemPlan {
  readonly logicalId: string;
  /** `fs-` and 17 hex digits, the same each time for the same stack and logical id. */
  readonly id: string;
  readonly arn: string;
  /** Logical id of the bucket it shows. */
  readonly bucket: string;
  /** Empty, or ends in `/`. */
  readonly prefix: string;
  /** undefined = what the file system has, at first S3 Files' defaults. */
  readonly synchronization: SynchronizationDocument | undefined;
}

export interface AccessPointPlan {
  readonly logicalId: string;
  readonly id: string;
  readonly arn: string;
  /** Logical id of the file system. */
  readonly fileSystem: string;
  readonly rootPath: string;
  readonly posixUser: { uid: number; gid: number; secondaryGids: number[] } | undefined;
  readonly creationPermissions: { uid: number; gid: number; mode: number } | undefined;
}

/** Packages beside a function's bundle. Its package.json names them; they are found from there upwards. */
export interface LayerPlan {
  readonly logicalId: string;
  readonly arn: string;
  /** Absolute directory with the layer's package.json. */
  readonly contentUri: string;
}

/** How esbuild makes a function's code; undefined = the directory is used as it is. */
export interface BuildPlan {
  /** Absolute. */
  readonly entryPoint: string;
  readonly format: 'esm' | 'cjs';
  readonly target: string;
  readonly mainFields: string | undefined;
  readonly minify: boolean;
  readonly sourcemap: boolean;
  readonly external: readonly string[];
  /** JavaScript put before the bundle. */
  readonly banner: string | undefined;
  readonly define: Readonly<Record<string, string>>;
}

export interface FunctionPlan {
  readonly logicalId: string;
  readonly name: string;
  /** Without version or alias. */
  readonly arn: string;
  /** `file.export` */
  readonly handler: string;
  readonly runtime: string;
  /** Absolute directory of the sources. */
  readonly codeUri: string;
  readonly build: BuildPlan | undefined;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly concurrency: number | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Directories of the layers' package.json files, absolute. */
  readonly layers: readonly string[];
  /** Patterns of the caller's variables it is handed in a local run (`*` at the end only). */
  readonly passEnvironment: readonly string[];
  readonly alias: string | undefined;
  readonly durable:
    { readonly executionTimeoutSeconds: number; readonly retentionDays: number } | undefined;
  readonly mount: { readonly accessPoint: string; readonly path: string } | undefined;
  readonly asyncInvoke: {
    readonly maximumRetryAttempts: number;
    readonly maximumEventAgeSeconds: number;
    /** ARNs of functions of this template. */
    readonly destinations: { readonly onSuccess?: string; readonly onFailure?: string };
  };
}

export interface StackPlan {
  readonly name: string;
  readonly region: string;
  readonly accountId: string;
  readonly buckets: readonly BucketPlan[];
  readonly fileSystems: readonly FileSystemPlan[];
  readonly accessPoints: readonly AccessPointPlan[];
  readonly functions: readonly FunctionPlan[];
  readonly outputs: Readonly<Record<string, string>>;
}
