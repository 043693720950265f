// Failures told to gRPC clients in their own words: HTTP 200 and a status in the headers.

/** Envoy's httpToGrpcStatus (source/common/grpc/status.cc), which follows gRPC's http-grpc-status-mapping.md. */
export function grpcStatusOf(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

export function isGrpc(contentType: string | undefined): boolean {
  return contentType?.startsWith("application/grpc") === true && (contentType.length === 16 || contentType[16] === "+" || contentType[16] === ";");
}

/** `grpc-message` is percent-encoded (gRPC over HTTP/2, Responses). */
export function encodeGrpcMessage(message: string): string {
  return message.replace(/[^ -$&-~]/g, (character) => encodeURIComponent(character));
}
