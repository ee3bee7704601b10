/** s3fs with the options that make it fast: a disk cache, long-lived attributes, parallel requests. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestStore } from './bucket.ts';
import { foreignMount } from './foreign-mount.ts';
import type { Place, PlaceOptions } from './place.ts';

export async function s3fs(options: PlaceOptions, store: TestStore): Promise<Place> {
  const bucket = await store.open('s3fs');
  await bucket.close();
  const at = (name: string): string => join(options.directory, name);
  await writeFile(at('s3fs-password'), `${store.accessKeyId}:${store.secretAccessKey}`, {
    mode: 0o600,
  });
  const cache = at('s3fs-cache');
  const settings = {
    passwd_file: at('s3fs-password'),
    url: store.endpoint,
    endpoint: store.region,
    use_cache: cache,
    multireq_max: 20,
    parallel_count: 10,
    multipart_size: 16,
    max_stat_cache_size: 200_000,
    stat_cache_expire: 900,
  };
  const flags = ['use_path_request_style', 'kernel_cache', 'enable_noobj_cache'];
  const list = [...flags, ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)];
  return foreignMount(
    {
      name: 's3fs',
      mountPoint: at('s3fs'),
      command: ['s3fs', 's3fs', at('s3fs'), '-f', ...list.flatMap((each) => ['-o', each])],
      cache,
      // A file is in the bucket when it is closed.
      settle: async () => undefined,
    },
    options,
  );
}
