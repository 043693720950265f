// gRPC statuses as texts: `NotFound` as Go and Envoy write them, `NOT_FOUND`, or the number.

import { GRPC_STATUS } from "../base/grpc-code.ts";

const SNAKE: readonly string[] = Object.keys(GRPC_STATUS).map((name) => (name === "CANCELLED" ? "CANCELED" : name));

function camelCase(snake: string): string {
  if (snake === "OK") return snake;
  return snake
    .split("_")
    .map((word) => word[0] + word.slice(1).toLowerCase())
    .join("");
}

const CAMEL: readonly string[] = SNAKE.map(camelCase);

/** A number that is no status is shown as itself. */
export function grpcStatusText(
  status: number | undefined,
  style: "camel" | "snake" | "number",
): string | number | undefined {
  if (status === undefined || style === "number") return status;
  return (style === "camel" ? CAMEL : SNAKE)[status] ?? String(status);
}
