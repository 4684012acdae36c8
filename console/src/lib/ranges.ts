/** Files of any size, read in pieces through the same tool as everything else. */

import type { Json, JsonObject, ToolResult } from './api/types';
import type { FileMeta } from './files';
import { bytesOf } from './text/media';

/** How much of a text is shown at once, in bytes. */
export const PAGE_BYTES = 1_048_576;
/** How much is fetched at once of what is shown or kept whole, in bytes: within the bound of one answer. */
export const PIECE_BYTES = 4_194_304;
/** The largest picture or sound that is shown, in bytes: the browser holds all of it. */
export const SHOWN_WHOLE_BYTES_MAX = 67_108_864;

/** A call of a tool: given, so that this can be tried without a hub. */
export type Call = (tool: string, args: JsonObject, signal: AbortSignal) => Promise<ToolResult>;

/** What `files_read` says of the file and the part that it gave. */
export interface PartMeta extends FileMeta {
  from_byte?: number;
  next_byte?: number;
}

export const metaOf = (result: ToolResult | undefined): PartMeta | undefined => (result?.meta as { 'drawbridge/files'?: PartMeta & Json } | undefined)?.['drawbridge/files'];

/** All of a file, piece by piece, as it is on the disk.
 *
 *  @throws Error when it changed meanwhile: its pieces would not be of one file. */
export async function allOf(path: string, call: Call, signal: AbortSignal, told: (bytes: number, size: number) => void = () => {}): Promise<Blob> {
  const pieces: BlobPart[] = [];
  let revision: string | undefined;
  let at: number | undefined = 0;
  while (at !== undefined) {
    const result: ToolResult = await call('files_read', { path, encoding: 'base64', from_byte: at, bytes_max: PIECE_BYTES }, signal);
    const meta = metaOf(result);
    if (!meta || (revision !== undefined && meta.revision !== revision)) throw new Error(`${path} was changed while it was read`);
    revision = meta.revision;
    const piece = bytesOf(result.content.find((block) => block.resource?.blob !== undefined)?.resource?.blob ?? '');
    pieces.push(new Blob([piece]));
    told(at + piece.length, meta.size_bytes);
    at = meta.next_byte;
  }
  return new Blob(pieces);
}
