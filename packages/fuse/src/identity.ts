/**
 * Whose files they are, as the kernel that mounted sees it.
 *
 * 'own' hands numbers on as they are: a mount by root. 'single' is for a mount in which only one user can
 * exist (a user namespace that maps one id, or fusermount3 without allow_other): every file appears as that
 * user's, who acts as the owner of the file system (uid 0 in it). Numbers the namespace does not map would
 * otherwise be unusable (the kernel answers EOVERFLOW or EACCES for them).
 */
export type Identity = { kind: 'own' } | { kind: 'single'; uid: number; gid: number };

/** The identity to serve a mount with that this process makes. `uidMap` is the text of /proc/self/uid_map. */
export function identityOf(uid: number, gid: number, uidMap: string): Identity {
  let mapped = 0;
  for (const line of uidMap.trim().split('\n')) mapped += Number(line.trim().split(/\s+/)[2]);
  return uid === 0 && mapped >= 65536 ? { kind: 'own' } : { kind: 'single', uid, gid };
}
