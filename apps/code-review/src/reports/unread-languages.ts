/**
 * Code that no analyser can read: without being told, a reader would take a review of it for a clean one.
 * Known by what the reviewers left in their ledgers, so that it stays true when analysers are added.
 */
import type { UnreadLanguage } from '../events.ts';
import type { ReviewerReport } from '../reviewers/outcome.ts';

/** Extensions of programming languages; the analysers' own need not be among them. */
const languages: Readonly<Record<string, string>> = {
  c: 'C',
  h: 'C',
  cc: 'C++',
  cpp: 'C++',
  cxx: 'C++',
  hh: 'C++',
  hpp: 'C++',
  clj: 'Clojure',
  cs: 'C#',
  dart: 'Dart',
  ex: 'Elixir',
  exs: 'Elixir',
  erl: 'Erlang',
  fs: 'F#',
  groovy: 'Groovy',
  hs: 'Haskell',
  jl: 'Julia',
  kt: 'Kotlin',
  kts: 'Kotlin',
  lua: 'Lua',
  m: 'Objective-C',
  ml: 'OCaml',
  php: 'PHP',
  pl: 'Perl',
  pm: 'Perl',
  ps1: 'PowerShell',
  r: 'R',
  rb: 'Ruby',
  rs: 'Rust',
  scala: 'Scala',
  sh: 'Shell',
  bash: 'Shell',
  sol: 'Solidity',
  svelte: 'Svelte',
  swift: 'Swift',
  tf: 'Terraform',
  vb: 'Visual Basic',
  vue: 'Vue',
  zig: 'Zig',
};

/** The language with the most files first. */
export function unreadLanguages(reviewers: readonly ReviewerReport[]): UnreadLanguage[] {
  const unread = new Map<string, boolean>();
  for (const { ledger } of reviewers) {
    for (const { path, status, by = [] } of ledger) {
      // What is generated or belongs to others is nobody's to read. Secrets are looked for in every text;
      // that alone is no review of code.
      if (status === 'skipped') continue;
      if (by.some((tool) => tool !== 'secretlint')) unread.set(path, false);
      else unread.set(path, unread.get(path) ?? true);
    }
  }
  const counts = new Map<string, number>();
  for (const [path, isUnread] of unread) {
    const language = isUnread ? languages[extension(path)] : undefined;
    if (language !== undefined) counts.set(language, (counts.get(language) ?? 0) + 1);
  }
  return [...counts]
    .map(([language, files]) => ({ language, files }))
    .toSorted((a, b) => b.files - a.files || (a.language < b.language ? -1 : 1));
}

/** A sentence for people; null when everything that is code was read. */
export function unreadSentence(
  unread: readonly UnreadLanguage[],
  { byModel }: { readonly byModel: boolean },
): string | null {
  if (unread.length === 0) return null;
  const named = unread.map(
    ({ language, files }) => `${language} (${files} ${files === 1 ? 'file' : 'files'})`,
  );
  const reader = byModel
    ? 'only the model could judge them'
    : 'these files were only searched for secrets';
  return `No analyser reads ${named.join(', ')}: ${reader}.`;
}

function extension(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : '';
}
