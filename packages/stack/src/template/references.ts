// What `Ref` and `GetAtt` give for each resource of a template.
//
// Everything is known before anything is started: names and ARNs follow from the logical id.
import type { MapValue, TemplateValue } from './document.ts';
import {
  accessPointArn,
  bucketArn,
  bucketName,
  fileSystemArn,
  fileSystemId,
  functionArn,
  functionName,
  layerArn,
  type Place,
} from './names.ts';
import { suggestion } from './template-error.ts';

/** One resource as it stands in the template, its condition being true. */
export interface RawResource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: MapValue<TemplateValue>;
}

export interface ReferenceSource {
  readonly place: Place;
  readonly resources: ReadonlyMap<string, RawResource>;
  /** A property that names the resource (BucketName, FunctionName), resolved. */
  property(resource: RawResource, name: string): string | undefined;
  /** Name of the bucket that stands in for every bucket of the template, if one was given. */
  readonly bucketOverride: string | undefined;
}

type Attributes = Readonly<Record<string, string>>;

export class References {
  readonly #source: ReferenceSource;

  constructor(source: ReferenceSource) {
    this.#source = source;
  }

  bucketName(resource: RawResource): string {
    return (
      this.#source.bucketOverride ??
      this.#source.property(resource, 'BucketName') ??
      bucketName(this.#source.place, resource.logicalId)
    );
  }

  functionName(resource: RawResource): string {
    return (
      this.#source.property(resource, 'FunctionName') ??
      functionName(this.#source.place, resource.logicalId)
    );
  }

  /** undefined when there is no such resource. `Function.Alias` and `Function.Version` are SAM's. */
  ref(name: string): string | undefined {
    const resource = this.#source.resources.get(name);
    if (resource) return this.#reference(resource);
    const [logicalId, suffix] = splitOnce(name);
    const owner = this.#source.resources.get(logicalId);
    if (owner?.type !== 'AWS::Serverless::Function') return undefined;
    const arn = functionArn(this.#source.place, this.functionName(owner));
    const alias = this.#source.property(owner, 'AutoPublishAlias');
    if (suffix === 'Alias' && alias !== undefined) return `${arn}:${alias}`;
    return suffix === 'Version' && alias !== undefined ? `${arn}:$LATEST` : undefined;
  }

  getAtt(logicalId: string, attribute: string): { value: string } | { missing: string } {
    const resource = this.#source.resources.get(logicalId);
    if (!resource) {
      const hint = suggestion(logicalId, this.#source.resources.keys());
      return { missing: `there is no resource ${logicalId}.${hint}` };
    }
    const attributes = this.#attributes(resource);
    if (!attributes) return { value: `${logicalId}.${attribute}` };
    const value = attributes[attribute];
    if (value !== undefined) return { value };
    const names = Object.keys(attributes);
    return {
      missing: `${resource.type} has ${names.length > 0 ? `the attributes ${names.join(', ')}` : 'no attributes'}`,
    };
  }

  #reference(resource: RawResource): string {
    const { place } = this.#source;
    switch (resource.type) {
      case 'AWS::S3::Bucket':
        return this.bucketName(resource);
      case 'AWS::S3Files::FileSystem':
        return fileSystemArn(place, fileSystemId('fs', place, resource.logicalId));
      case 'AWS::S3Files::AccessPoint':
        return fileSystemId('fsap', place, resource.logicalId);
      case 'AWS::Serverless::Function':
        return this.functionName(resource);
      case 'AWS::Serverless::LayerVersion':
        return layerArn(place, resource.logicalId);
      default:
        return resource.logicalId;
    }
  }

  /** undefined for the types only AWS needs: any attribute of theirs is a placeholder. */
  #attributes(resource: RawResource): Attributes | undefined {
    const { place } = this.#source;
    switch (resource.type) {
      case 'AWS::S3::Bucket': {
        const name = this.bucketName(resource);
        return {
          Arn: bucketArn(name),
          DomainName: `${name}.s3.amazonaws.com`,
          RegionalDomainName: `${name}.s3.${place.region}.amazonaws.com`,
        };
      }
      case 'AWS::S3Files::FileSystem': {
        const id = fileSystemId('fs', place, resource.logicalId);
        return {
          FileSystemArn: fileSystemArn(place, id),
          FileSystemId: id,
          OwnerId: place.accountId,
          Status: 'available',
        };
      }
      case 'AWS::S3Files::AccessPoint':
        return this.#accessPointAttributes(resource);
      case 'AWS::Serverless::LayerVersion':
        return {};
      case 'AWS::Serverless::Function':
        return { Arn: functionArn(place, this.functionName(resource)) };
      default:
        return undefined;
    }
  }

  #accessPointAttributes(resource: RawResource): Attributes {
    const { place } = this.#source;
    const id = fileSystemId('fsap', place, resource.logicalId);
    const reference = this.#source.property(resource, 'FileSystemId') ?? '';
    const fileSystem = reference.startsWith('arn:') ? reference : fileSystemArn(place, reference);
    return {
      AccessPointArn: accessPointArn(fileSystem, id),
      AccessPointId: id,
      OwnerId: place.accountId,
      Status: 'available',
    };
  }
}

function splitOnce(name: string): [string, string] {
  const dot = name.indexOf('.');
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
}
