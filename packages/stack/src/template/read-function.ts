// Functions of a template (`AWS::Serverless::Function`), Globals merged in by the caller.
import path from 'node:path';
import type { Fields } from './fields.ts';
import { functionArn, layerArn, type Place } from './names.ts';
import type { AccessPointPlan, BuildPlan, FunctionPlan, LayerPlan } from './plan.ts';

const YEAR_SECONDS = 31_622_400;

export interface FunctionContext {
  readonly place: Place;
  readonly name: string;
  /** Directory that holds the template: CodeUri counts from here. */
  readonly baseDir: string;
  readonly accessPoints: readonly AccessPointPlan[];
  readonly layers: readonly LayerPlan[];
  readonly passEnvironment: readonly string[];
  /** The resource's Metadata, if any. */
  readonly metadata: Fields | undefined;
}

export function readFunction(
  logicalId: string,
  fields: Fields,
  context: FunctionContext,
): FunctionPlan {
  fields.optionalString('FunctionName');
  const runtime = fields.string('Runtime', {
    test: /^nodejs(22|24)\.x$/,
    says: 'is not supported here: use nodejs24.x',
  });
  fields.optionalChoice('PackageType', ['Zip'] as const);
  const environment = fields.optionalFields('Environment');
  const variables = environment?.optionalFields('Variables')?.texts() ?? {};
  environment?.end();
  const codeUri = path.resolve(context.baseDir, fields.optionalString('CodeUri') ?? '.');
  const handler = fields.string('Handler', {
    test: /^[\w./-]+\.\w+$/,
    says: 'must be file.export, such as index.handler',
  });
  const plan: FunctionPlan = {
    logicalId,
    name: context.name,
    arn: functionArn(context.place, context.name),
    handler,
    runtime,
    codeUri,
    build: readBuild(codeUri, handler, context.metadata),
    timeoutSeconds: fields.optionalInteger('Timeout', { min: 1, max: 900 }) ?? 3,
    memoryMb: fields.optionalInteger('MemorySize', { min: 128, max: 10_240 }) ?? 128,
    concurrency: fields.optionalInteger('ReservedConcurrentExecutions', { min: 1, max: 1000 }),
    environment: variables,
    layers: readLayers(fields, context.layers),
    passEnvironment: context.passEnvironment,
    alias: fields.optionalString('AutoPublishAlias', {
      test: /^(?!\d+$)[\w-]{1,128}$/,
      says: 'is not an alias',
    }),
    durable: readDurable(fields),
    mount: readMount(fields, context.accessPoints),
    asyncInvoke: readAsyncInvoke(fields, context.place),
  };
  fields.ignore([
    'Architectures',
    'AutoPublishAliasAllProperties',
    'AutoPublishCodeSha256',
    'DeploymentPreference',
    'Description',
    'EphemeralStorage',
    'KmsKeyArn',
    'LoggingConfig',
    'PermissionsBoundary',
    'Policies',
    'PropagateTags',
    'ProvisionedConcurrencyConfig',
    'Role',
    'RolePath',
    'RuntimeManagementConfig',
    'Tags',
    'Tracing',
    'VersionDescription',
    'VpcConfig',
  ]);
  fields.end();
  return plan;
}

/** Reads a layer of npm packages. Nothing is installed: they must be in node_modules already. */
export function readLayer(
  logicalId: string,
  fields: Fields,
  place: Place,
  baseDir: string,
): LayerPlan {
  const contentUri = path.resolve(baseDir, fields.string('ContentUri'));
  fields.ignore([
    'CompatibleArchitectures',
    'CompatibleRuntimes',
    'Description',
    'LayerName',
    'LicenseInfo',
    'PublishLambdaVersion',
    'RetentionPolicy',
  ]);
  fields.end();
  return { logicalId, arn: layerArn(place, logicalId), contentUri };
}

function readLayers(fields: Fields, layers: readonly LayerPlan[]): string[] {
  return fields.strings('Layers').map((arn) => {
    const layer = layers.find((candidate) => candidate.arn === arn);
    if (layer) return layer.contentUri;
    return fields.fail(
      fields.where('Layers'),
      `Layers must name layers of this template (\`!Ref Name\`), not ${JSON.stringify(arn)}`,
    );
  });
}

function readDurable(fields: Fields): FunctionPlan['durable'] {
  const durable = fields.optionalFields('DurableConfig');
  if (!durable) return undefined;
  const read = {
    executionTimeoutSeconds: durable.integer('ExecutionTimeout', { min: 1, max: YEAR_SECONDS }),
    retentionDays: durable.optionalInteger('RetentionPeriodInDays', { min: 1, max: 90 }) ?? 14,
  };
  durable.ignore(['KMSKeyArn']);
  durable.end();
  return read;
}

function readMount(
  fields: Fields,
  accessPoints: readonly AccessPointPlan[],
): FunctionPlan['mount'] {
  const configurations = fields.fieldsList('FileSystemConfigs');
  const [first, second] = configurations;
  if (!first) return undefined;
  if (second) second.fail(second.at, 'a function can have one file system (FileSystemConfigs)');
  const arn = first.string('Arn');
  const accessPoint = accessPoints.find((candidate) => candidate.arn === arn);
  if (!accessPoint) {
    return first.fail(
      first.where('Arn'),
      `Arn must be an access point of this template (\`!GetAtt Name.AccessPointArn\`), not ${JSON.stringify(arn)}`,
    );
  }
  const mount = first.string('LocalMountPath', {
    test: /^\/mnt\/[a-zA-Z0-9-_.]{1,155}$/,
    says: 'must be /mnt/ and one name, such as /mnt/workspace',
  });
  first.ignore(['S3FilesConfig']);
  first.end();
  return { accessPoint: accessPoint.logicalId, path: mount };
}

function readAsyncInvoke(fields: Fields, place: Place): FunctionPlan['asyncInvoke'] {
  const config = fields.optionalFields('EventInvokeConfig');
  const destinations = config?.optionalFields('DestinationConfig');
  const onSuccess = readDestination(destinations?.optionalFields('OnSuccess'), place);
  const onFailure = readDestination(destinations?.optionalFields('OnFailure'), place);
  destinations?.end();
  const read = {
    maximumRetryAttempts: config?.optionalInteger('MaximumRetryAttempts', { min: 0, max: 2 }) ?? 2,
    maximumEventAgeSeconds:
      config?.optionalInteger('MaximumEventAgeInSeconds', { min: 60, max: 21_600 }) ?? 21_600,
    destinations: {
      ...(onSuccess !== undefined && { onSuccess }),
      ...(onFailure !== undefined && { onFailure }),
    },
  };
  config?.end();
  return read;
}

/** Functions are the only destinations there are on one machine. */
function readDestination(destination: Fields | undefined, place: Place): string | undefined {
  if (!destination) return undefined;
  destination.optionalChoice('Type', ['Lambda'] as const);
  const arn = destination.string('Destination');
  if (!arn.startsWith(functionArn(place, `${place.stackName}-`))) {
    destination.fail(
      destination.where('Destination'),
      `Destination must be a function of this template (\`!GetAtt Name.Arn\`), not ${JSON.stringify(arn)}`,
    );
  }
  destination.end();
  return arn;
}

/** SAM's esbuild metadata: https://docs.aws.amazon.com/serverless-application-model (BuildMethod). */
function readBuild(
  codeUri: string,
  handler: string,
  metadata: Fields | undefined,
): BuildPlan | undefined {
  const method = metadata?.optionalChoice('BuildMethod', ['esbuild'] as const);
  if (!metadata || !method) return undefined;
  const properties = metadata.fields('BuildProperties');
  const entries = properties.strings('EntryPoints');
  const module = path.basename(handler.slice(0, handler.lastIndexOf('.')));
  const entry = entries.find((candidate) => path.parse(candidate).name === module);
  if (entry === undefined) {
    return properties.fail(
      properties.where('EntryPoints'),
      `none of the EntryPoints makes the module ${module} that the handler ${handler} needs`,
    );
  }
  const build: BuildPlan = {
    entryPoint: path.resolve(codeUri, entry),
    format: properties.optionalChoice('Format', ['esm', 'cjs'] as const) ?? 'cjs',
    target: properties.optionalString('Target') ?? 'es2022',
    mainFields: properties.optionalString('MainFields'),
    minify: properties.optionalBoolean('Minify') ?? false,
    sourcemap: properties.optionalBoolean('Sourcemap') ?? false,
    external: properties.strings('External'),
    banner: readBanner(properties),
    define: readDefine(properties),
  };
  // OutExtension follows from the format.
  properties.ignore(['OutExtension', 'UseNpmCi']);
  properties.end();
  return build;
}

/** `Banner` is a list of `js=…` texts. */
function readBanner(properties: Fields): string | undefined {
  const lines = properties.strings('Banner').map((banner) => {
    if (banner.startsWith('js=')) return banner.slice(3);
    return properties.fail(properties.where('Banner'), 'a Banner must start with js=');
  });
  return lines.length > 0 ? lines.join('\n') : undefined;
}

/** `Define` is a list of `NAME=value` texts. */
function readDefine(properties: Fields): Record<string, string> {
  if (!properties.has('Define')) return {};
  return Object.fromEntries(
    properties.strings('Define').map((definition) => {
      const equals = definition.indexOf('=');
      if (equals < 1) {
        properties.fail(
          properties.where('Define'),
          `${JSON.stringify(definition)} is not NAME=value`,
        );
      }
      return [definition.slice(0, equals), definition.slice(equals + 1)];
    }),
  );
}
