// How much is read of a file before it is refused. Generous for people, finite for accidents and attacks.

export interface ReadLimits {
  readonly bytes: number;
  /** Of all files of a folder together, and of all files of a command line: what they say takes several times their size in memory. */
  readonly folderBytes: number;
  /** Tokens of one file that are neither JSON nor plain (plain-yaml.ts): each costs the library 2 to 3 µs. */
  readonly slowTokens: number;
  /** Of one document, or of one object of a List that is cut. Of what people write a token is four characters. */
  readonly documentTokens: number;
  /** Tokens of one file that are read once more for the places of findings; objects after those are told at their first line. */
  readonly placeTokens: number;
  /** Documents of one file, and objects of a List that is cut. */
  readonly documents: number;
  /** Characters of one document, or of one object of a List. Kubernetes' API server takes 3 MiB in a request, etcd stores 1.5. */
  readonly documentCharacters: number;
  readonly depth: number;
  /** Values of one document, aliases expanded. */
  readonly values: number;
  /** Findings of one object; the rest would not be read. */
  readonly findings: number;
  /** What is no object in one file: after so many nothing more is read of it. */
  readonly refusedObjects: number;
}

export const READ_LIMITS: ReadLimits = {
  bytes: 64 * 1024 * 1024,
  folderBytes: 128 * 1024 * 1024,
  slowTokens: 2_000_000,
  documentTokens: 400_000,
  placeTokens: 1_000_000,
  documents: 100_000,
  documentCharacters: 3 * 1024 * 1024,
  depth: 64,
  values: 1_000_000,
  findings: 100,
  refusedObjects: 1_000,
};

/** Why a folder is not read. */
export function folderTooLarge(limit: number): string {
  return `its files have more than ${limit} bytes together, which is as much as is read of a folder`;
}

/** Why several files that are named are not read. */
export function filesTooLarge(limit: number): string {
  return `the files up to this one have more than ${limit} bytes together, which is as much as is read at once`;
}
