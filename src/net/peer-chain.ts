// The certificates that a peer presented, for a proof of its chain beside the handshake's own.

/** What node:tls has, as far as it is used; Bun's sockets read the argument as "the leaf alone", the other way round than node does. */
interface Peer {
  readonly raw?: Uint8Array;
  readonly issuerCertificate?: Peer;
}

/** A leaf, ten authorities. */
const MAX_CERTIFICATES = 11;

/** DER, leaf first, with the root that the handshake found; of a peer without a certificate, nothing. */
export function peerChain(socket: { getPeerCertificate(leafAlone: boolean): unknown }): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  const seen = new Set<string>();
  let peer = (socket.getPeerCertificate(false) ?? undefined) as Peer | undefined;
  while (peer?.raw && chain.length < MAX_CERTIFICATES) {
    const bytes = Buffer.from(peer.raw).toString("latin1");
    if (seen.has(bytes)) break; // a root is its own issuer
    seen.add(bytes);
    chain.push(peer.raw);
    peer = peer.issuerCertificate;
  }
  return chain;
}
