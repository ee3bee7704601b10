import { describe, expect, test } from 'vitest';
import { readPlan, type PlanOptions } from './read-plan.ts';
import type { StackPlan } from './plan.ts';
import { TemplateError } from './template-error.ts';

const place = { stackName: 'demo', region: 'eu-west-1', accountId: '123456789012' };

function plan(text: string, options: Partial<PlanOptions> = {}): StackPlan {
  return readPlan({ file: '/app/template.yaml', text, place, ...options });
}

function mistake(text: string, options: Partial<PlanOptions> = {}): string {
  try {
    plan(text, options);
  } catch (error) {
    expect(error).toBeInstanceOf(TemplateError);
    return (error as TemplateError).message.replace('/app/', '');
  }
  throw new Error('the template was accepted');
}

const STORAGE = `
Resources:
  Data:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: { Status: Enabled }
  Files:
    Type: AWS::S3Files::FileSystem
    Properties:
      Bucket: !GetAtt Data.Arn
      RoleArn: !GetAtt Role.Arn
      Prefix: shared/
      SynchronizationConfiguration:
        ImportDataRules:
          - { Prefix: '', SizeLessThan: 131072, Trigger: ON_FILE_ACCESS }
        ExpirationDataRules:
          - { DaysAfterLastAccess: 7 }
  Role:
    Type: AWS::IAM::Role
  Access:
    Type: AWS::S3Files::AccessPoint
    Properties:
      FileSystemId: !GetAtt Files.FileSystemId
      PosixUser: { Uid: '1000', Gid: '1001', SecondaryGids: ['5'] }
      RootDirectory:
        Path: /agents
        CreationPermissions: { OwnerUid: '1000', OwnerGid: '1001', Permissions: 0750 }
`;

const FUNCTION = `${STORAGE}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: worker.handler
      Runtime: nodejs24.x
      CodeUri: code
      FileSystemConfigs:
        - { Arn: !GetAtt Access.AccessPointArn, LocalMountPath: /mnt/data }
`;

describe('storage', () => {
  test('buckets, file systems and access points are tied together', () => {
    const { buckets, fileSystems, accessPoints } = plan(STORAGE);
    expect(buckets).toEqual([{ logicalId: 'Data', bucket: 'demo-data' }]);
    const [files] = fileSystems;
    expect(files).toMatchObject({
      logicalId: 'Files',
      bucket: 'Data',
      prefix: 'shared/',
      synchronization: {
        importDataRules: [{ prefix: '', sizeLessThan: 131072, trigger: 'ON_FILE_ACCESS' }],
        expirationDataRules: [{ daysAfterLastAccess: 7 }],
      },
    });
    expect(files?.id).toMatch(/^fs-[0-9a-f]{17}$/);
    expect(files?.arn).toBe(`arn:aws:s3files:eu-west-1:123456789012:file-system/${files?.id}`);
    expect(accessPoints).toMatchObject([
      {
        fileSystem: 'Files',
        rootPath: '/agents',
        posixUser: { uid: 1000, gid: 1001, secondaryGids: [5] },
        creationPermissions: { uid: 1000, gid: 1001, mode: 0o750 },
      },
    ]);
  });

  test('a given bucket stands in for the declared one, its prefix first', () => {
    const given = plan(STORAGE, { bucket: { name: 'mine', prefix: 'team/' } });
    expect(given.buckets[0]?.bucket).toBe('mine');
    expect(given.fileSystems[0]?.prefix).toBe('team/shared/');
  });

  test('ids are the same each time and differ between stacks', () => {
    const again = plan(STORAGE).fileSystems[0]?.id;
    expect(plan(STORAGE).fileSystems[0]?.id).toBe(again);
    const other = plan(STORAGE, { place: { ...place, stackName: 'other' } });
    expect(other.fileSystems[0]?.id).not.toBe(again);
  });

  test('export windows are Moorage’s own and stand where AWS does not look', () => {
    const rules = 'ExportDataRules: [{ Prefix: "", QuietMs: 500, MaxAgeMs: 9000 }]';
    const type = 'Type: AWS::S3Files::FileSystem';
    const text = STORAGE.replace(type, `${type}\n    Metadata: { Moorage: { ${rules} } }`);
    expect(plan(text).fileSystems[0]?.synchronization?.moorageExportDataRules).toEqual([
      { prefix: '', quietMs: 500, maxAgeMs: 9000 },
    ]);
  });

  test('synchronisation rules that S3 Files would refuse', () => {
    const rule = "{ Prefix: '', SizeLessThan: 131072, Trigger: ON_FILE_ACCESS }";
    expect(mistake(STORAGE.replace(rule, rule.replace("''", 'a/')))).toContain(
      "importDataRules must have one rule with the prefix ''",
    );
    expect(
      mistake(STORAGE.replace('DaysAfterLastAccess: 7', 'DaysAfterLastAccess: 366')),
    ).toContain('DaysAfterLastAccess must be a whole number from 1 to 365');
  });

  test('a bucket without versioning is refused where the file system names it', () => {
    const text = STORAGE.replace('VersioningConfiguration: { Status: Enabled }', 'Tags: []');
    expect(mistake(text)).toBe(
      'template.yaml:10:7: the bucket Data must have versioning enabled: ' +
        'give it `VersioningConfiguration: {Status: Enabled}`',
    );
  });
});

describe('functions', () => {
  test('defaults are those of Lambda', () => {
    expect(plan(FUNCTION).functions).toMatchObject([
      {
        name: 'demo-Worker',
        arn: 'arn:aws:lambda:eu-west-1:123456789012:function:demo-Worker',
        handler: 'worker.handler',
        codeUri: '/app/code',
        build: undefined,
        timeoutSeconds: 3,
        memoryMb: 128,
        concurrency: undefined,
        durable: undefined,
        mount: { accessPoint: 'Access', path: '/mnt/data' },
        asyncInvoke: {
          maximumRetryAttempts: 2,
          maximumEventAgeSeconds: 21600,
          destinations: {},
        },
      },
    ]);
  });

  test('destinations are functions of the template', () => {
    const told = (destination: string, more = ''): string => `
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: worker.handler
      Runtime: nodejs24.x
      EventInvokeConfig:
        DestinationConfig: { OnFailure: ${destination} }
${more}
  Undertaker:
    Type: AWS::Serverless::Function
    Properties: { Handler: worker.handler, Runtime: nodejs24.x }
`;
    const own = '{ Type: Lambda, Destination: !GetAtt Undertaker.Arn }';
    expect(plan(told(own)).functions[0]?.asyncInvoke.destinations).toEqual({
      onFailure: 'arn:aws:lambda:eu-west-1:123456789012:function:demo-Undertaker',
    });
    const queue = '{ Type: SQS, Destination: "arn:aws:sqs:eu-west-1:123456789012:q" }';
    expect(mistake(told(queue))).toMatch(/^template.yaml:9:\d+: Type .*Lambda/);
    const other = '{ Destination: "arn:aws:lambda:eu-west-1:123456789012:function:else" }';
    expect(mistake(told(other))).toMatch(/^template.yaml:9:\d+: Destination must be a function of/);
    const durable = plan(told(own, '      DurableConfig: { ExecutionTimeout: 60 }'));
    expect(durable.functions[0]?.asyncInvoke.destinations).toHaveProperty('onFailure');
  });

  test('Globals are merged: maps joined, lists appended, scalars replaced', () => {
    const text = `
Globals:
  Function:
    Runtime: nodejs24.x
    Timeout: 30
    Environment: { Variables: { A: global, B: global } }
    Layers: [!Ref First]
Resources:
  First: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: one } }
  Second: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: two } }
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a/index.handler
      Timeout: 5
      Environment: { Variables: { B: own, C: own } }
      Layers: [!Ref Second]
`;
    expect(plan(text).functions[0]).toMatchObject({
      timeoutSeconds: 5,
      environment: { A: 'global', B: 'own', C: 'own' },
      layers: ['/app/one', '/app/two'],
    });
  });

  test('esbuild metadata picks the entry point that makes the handler', () => {
    const text = `${FUNCTION}
    Metadata:
      BuildMethod: esbuild
      BuildProperties:
        Format: esm
        Target: es2024
        Minify: true
        Sourcemap: true
        External: [native]
        Define: [MODE=1]
        EntryPoints: [src/other.ts, src/worker.ts]
`;
    expect(plan(text).functions[0]?.build).toEqual({
      entryPoint: '/app/code/src/worker.ts',
      format: 'esm',
      target: 'es2024',
      mainFields: undefined,
      minify: true,
      sourcemap: true,
      external: ['native'],
      banner: undefined,
      define: { MODE: '1' },
    });
    expect(mistake(text.replace('src/worker.ts', 'src/third.ts'))).toMatch(
      /^template.yaml:\d+:9: none of the EntryPoints makes the module worker/,
    );
  });

  test('an alias is what Function.Alias gives', () => {
    const text = `${FUNCTION}      AutoPublishAlias: live
Outputs:
  Alias: { Value: !Ref Worker.Alias }
`;
    expect(plan(text).outputs).toEqual({
      Alias: 'arn:aws:lambda:eu-west-1:123456789012:function:demo-Worker:live',
    });
  });

  test('the environment a local run hands over is read from the template', () => {
    const text = `Metadata:
  Moorage: { PassEnvironment: { Worker: [GIT_*, HTTPS_PROXY] } }
${FUNCTION}`;
    expect(plan(text).functions[0]?.passEnvironment).toEqual(['GIT_*', 'HTTPS_PROXY']);
  });
});

describe('intrinsic functions', () => {
  function output(expression: string, extra = '', options: Partial<PlanOptions> = {}): string {
    const text = `${extra}\nResources:\n  Data: { Type: AWS::S3::Bucket }\nOutputs:\n  O:\n    Value: ${expression}\n`;
    return plan(text, options).outputs.O ?? 'NO OUTPUT';
  }

  test.each([
    ['!Ref AWS::Region', 'eu-west-1'],
    ['{ Ref: AWS::AccountId }', '123456789012'],
    ['!Ref Data', 'demo-data'],
    ['!GetAtt Data.Arn', 'arn:aws:s3:::demo-data'],
    ['{ "Fn::GetAtt": [Data, Arn] }', 'arn:aws:s3:::demo-data'],
    ['!Sub "${Data}/${Data.Arn}/${!Literal}"', 'demo-data/arn:aws:s3:::demo-data/${Literal}'],
    ['!Sub ["${x}-${AWS::Region}", { x: !Ref Data }]', 'demo-data-eu-west-1'],
    ['!Sub "name:$LATEST"', 'name:$LATEST'],
    ['!Join ["-", [a, !Ref Data, 0755]]', 'a-demo-data-0755'],
    ['!Select [1, !Split [",", "a,b,c"]]', 'b'],
    ['!Base64 hello', 'aGVsbG8='],
    ['!Join ["", [a, !Ref AWS::NoValue, b]]', 'ab'],
  ])('%s', (expression, expected) => {
    expect(output(expression)).toBe(expected);
  });

  test('FindInMap, conditions and parameters', () => {
    const extra = `
Parameters:
  Stage: { Type: String, Default: dev, AllowedValues: [dev, prod] }
  Zones: { Type: CommaDelimitedList, Default: 'a, b' }
Mappings:
  Sizes: { dev: { memory: 128 }, prod: { memory: 1024 } }
Conditions:
  Prod: !Equals [!Ref Stage, prod]
  Both: !And [!Condition Prod, { Condition: Prod }]
  Any: !Or [!Condition Both, !Not [!Condition Prod]]
`;
    const prod = { parameters: { Stage: 'prod' } };
    expect(output('!FindInMap [Sizes, !Ref Stage, memory]', extra, prod)).toBe('1024');
    expect(output('!If [Prod, yes, no]', extra, prod)).toBe('yes');
    expect(output('!If [Both, yes, no]', extra)).toBe('no');
    expect(output('!If [Any, yes, no]', extra)).toBe('yes');
    expect(output('!Select [1, !Ref Zones]', extra)).toBe('b');
  });

  test('a resource whose condition is false does not exist', () => {
    const text = `
Conditions: { Never: !Equals [a, b] }
Resources:
  Queue: { Type: AWS::SQS::Queue, Condition: Never }
  Data: { Type: AWS::S3::Bucket }
`;
    expect(plan(text).buckets).toHaveLength(1);
  });
});

describe('mistakes name their line and the way out', () => {
  test.each([
    ['Resources: [', /^template.yaml:1:\d+: not valid YAML: /],
    ['Resource: {}', 'template.yaml:1:1: unknown section Resource. Did you mean Resources?'],
    ['Description: x', 'template.yaml:1:1: the template has no Resources section'],
    [
      'Resources:\n  Q:\n    Type: AWS::SQS::Queue\n',
      /^template.yaml:3:11: resource Q has the type AWS::SQS::Queue, which is not supported here\./,
    ],
    [
      'Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      BuketName: x\n',
      'template.yaml:5:7: Bucket B has the property BuketName, which is not supported here. Did you mean BucketName?',
    ],
    [
      'Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Propertes: {}\n',
      'template.yaml:4:5: resource B has an unknown attribute Propertes. Did you mean Properties?',
    ],
    [
      'Resources:\n  B: { Type: AWS::S3::Bucket }\nOutputs:\n  O: { Value: !Ref Bee }\n',
      /^template.yaml:4:20: Ref: there is no parameter or resource Bee\./,
    ],
    [
      'Resources:\n  B: { Type: AWS::S3::Bucket }\nOutputs:\n  O: { Value: !GetAtt B.Name }\n',
      'template.yaml:4:23: GetAtt B.Name: AWS::S3::Bucket has the attributes Arn, DomainName, RegionalDomainName',
    ],
    [
      'Resources: {}\nOutputs:\n  O: { Value: !Cidr [a] }\n',
      /^template.yaml:3:21: the function Cidr is not supported here/,
    ],
    [
      'Conditions: { A: !Condition B, B: !Condition A }\nResources:\n  B: { Type: AWS::S3::Bucket, Condition: A }\n',
      /condition A refers to itself$/,
    ],
    [
      'Parameters:\n  P: { Type: String }\nResources: {}\n',
      'template.yaml:2:3: parameter P has no default and no value was given',
    ],
    [
      'Globals: { Api: {} }\nResources: {}\n',
      'template.yaml:1:12: Globals for Api are not supported here, only for Function',
    ],
  ])('%j', (text, expected) => {
    expect(mistake(text)).toMatch(expected);
  });

  test.each([
    ['Runtime: nodejs24.x', 'Runtime: python3.13', /Runtime "python3.13" is not supported here/],
    ['Handler: worker.handler', 'Handler: worker', /must be file.export/],
    ['CodeUri: code', 'Timeout: 901', /Timeout must be a whole number from 1 to 900/],
    ['CodeUri: code', 'MemorySize: !Ref Data', /MemorySize must be a whole number/],
    ['/mnt/data', '/data', /LocalMountPath "\/data" must be \/mnt\//],
    ['!GetAtt Access.AccessPointArn', 'arn:other', /Arn must be an access point of this template/],
    ['CodeUri: code', 'DurableConfig: {}', /lacks the property ExecutionTimeout/],
    ['CodeUri: code', 'Events: {}', /has the property Events, which is not supported here/],
    ['Uid: ', 'Uidd: ', /lacks the property Uid/],
  ])('%s → %s', (from, to, expected) => {
    expect(mistake(FUNCTION.replace(from, to))).toMatch(expected);
  });

  test('an unknown or disallowed parameter', () => {
    const text =
      'Parameters:\n  Model: { Type: String, Default: a, AllowedValues: [a] }\nResources: {}\n';
    expect(mistake(text, { parameters: { Modell: 'x' } })).toBe(
      'template.yaml:2:3: there is no parameter Modell. Did you mean Model?',
    );
    expect(mistake(text, { parameters: { Model: 'x' } })).toBe(
      'template.yaml:2:3: parameter Model must be one of a, not "x"',
    );
  });
});
