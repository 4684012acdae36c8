/** Paths of files, as the hub's tools write them: a root's name, then names, with `/` between. */

export interface Entry {
  name: string;
  kind: 'directory' | 'file' | 'symlink' | 'other';
  size_bytes?: number | null;
  modified?: string | null;
}

export interface FileMeta {
  path: string;
  size_bytes: number;
  revision: string;
  mime_type?: string;
  encoding?: string;
}

export const join = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`);
export const parentOf = (path: string): string => path.split('/').slice(0, -1).join('/');
export const nameOf = (path: string): string => path.split('/').at(-1) ?? path;

/** The folders above a path, each with its own path, outermost first; the last is the path itself. */
export function crumbs(path: string): { name: string; path: string }[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((name, place) => ({ name, path: names.slice(0, place + 1).join('/') }));
}

/** One line that a content search found. */
export interface Match {
  path: string;
  line: number;
  text: string;
}

/** Reads what `files_search` writes for models: a file's path on a line of its own, then `12: text` for each match. */
export function matchesOf(text: string): Match[] {
  const matches: Match[] = [];
  let path = '';
  for (const line of text.split('\n')) {
    const found = /^(\d+): (.*)$/.exec(line);
    if (found && path !== '') matches.push({ path, line: Number(found[1]), text: found[2] ?? '' });
    else if (line !== '' && !line.startsWith('[') && !/^\d+- /.test(line)) path = line;
  }
  return matches;
}
