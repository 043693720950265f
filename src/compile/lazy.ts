// Messages that are the same for everybody, made when the first resource needs them.

/** A function that makes its value on the first call and returns that value ever after. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
