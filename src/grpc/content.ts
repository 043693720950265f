// Which requests are gRPC.

/** `application/grpc`, alone or with a suffix or parameters. `application/grpc-web` is not: its status travels in the body. */
export function isGrpcContent(contentType: string | undefined): boolean {
  if (contentType === undefined || !contentType.startsWith("application/grpc")) return false;
  return contentType.length === 16 || contentType[16] === "+" || contentType[16] === ";";
}
