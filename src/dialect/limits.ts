// How much is read of a file before it is refused. Generous for people, finite for accidents and attacks.

export interface ReadLimits {
  readonly bytes: number;
  /** Characters of one file that are neither JSON nor plain (plain-yaml.ts): each costs some 2 µs. */
  readonly slowCharacters: number;
  readonly documents: number;
  /** Characters of one document. Kubernetes' API server takes 3 MiB in a request, etcd stores 1.5. */
  readonly documentCharacters: number;
  readonly depth: number;
  /** Values of one document, aliases expanded. */
  readonly values: number;
  /** Findings of one object; the rest would not be read. */
  readonly findings: number;
}

export const READ_LIMITS: ReadLimits = {
  bytes: 64 * 1024 * 1024,
  slowCharacters: 16 * 1024 * 1024,
  documents: 100_000,
  documentCharacters: 3 * 1024 * 1024,
  depth: 64,
  values: 1_000_000,
  findings: 100,
};
