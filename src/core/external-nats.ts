/** How unibus itself logs in to an external NATS server. Nothing of it is ever shown. */
export type ExternalLogin =
  | { readonly kind: "creds"; readonly text: string }
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string };

/** A NATS server that is not this node's. */
export interface ExternalNats {
  /** As clients use it, and as it may be shown: without credentials. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Whether the URL demands TLS; a server can demand it without. */
  readonly tls: boolean;
  readonly login: ExternalLogin | null;
}

/**
 * What unibus does not promise when the NATS server is somebody else's: that server decides who connects
 * and who may do what, and unibus neither sees nor closes a connection.
 */
export const WITHDRAWN_PROMISES: readonly string[] = [
  "not promised with an external NATS server: that only admitted keys connect to it; it decides itself who does",
  "not promised with an external NATS server: that a revocation closes connections; unibus can close none there, and tells nobody there of a change of rights",
  "not promised with an external NATS server: anything about messages; who sent one, who reads it and whether it is kept is that server's word",
];
