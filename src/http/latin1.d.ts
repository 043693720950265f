// Methods of Buffer that Bun and Node have and their types leave out. They cost half of `toString` and `write` with an encoding.

interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
}
