// What is chosen in the graph.

export type Selection = { readonly kind: "node" | "edge"; readonly id: string } | undefined;
