import type { ProblemCode } from "../../src/core/problems.ts";

/** What each problem means: what was seen when it is answered. The compiler asks for one per code. */
export const MEANING: Readonly<Record<ProblemCode, string>> = {
  usage: "The words or options of a command are not those that it takes; nothing was done.",
  "boot-refused":
    "The flags ask for a node that would be open to a network without authentication or encryption, or its folder to others of this machine. It made no file and opened no port.",
  "cluster-refused":
    "What is asked for would be no cluster, or not a safe one, or what the folder holds is no part of it. The bus in the folder is as it was.",
  "tls-unusable":
    "A certificate, key or authority cannot be read, is out of date, or does not fit.",
  "folder-in-use":
    "Another process holds the lock of a folder or socket. Two on one store would damage it.",
  "start-failed": "A part of the node could not start, for a reason outside of unibus.",
  "journal-damaged":
    "An entry of the journal is not what was written: the chain of digests breaks there, or a cluster's stream has lost or changed what this node applied.",
  "journal-rolled-back":
    "The database does not go as far as the file beside it says that this node had come, or has another history: its write-ahead log was damaged or cut, or it is an older copy.",
  "level-too-old": "The bus has risen to rules that this unibus does not have.",
  "level-conflict": "The level that was asked for does not follow, or a node does not know it yet.",
  "schema-too-new": "A newer unibus has changed the database in a way that this one does not know.",
  "file-unusable":
    "A file that was named is missing, of another kind, too large, or not readable, or others may write to the folder it lies in.",
  "file-exists": "Writing would replace a file that is there.",
  "node-not-found":
    "There is no node's data in the folder that a command was given or found, or no node of the cluster has this name.",
  "node-unreachable": "Nothing answers where the node should be, or somebody else does.",
  "node-untrusted":
    "What answers cannot show that it is the node meant: by its certificate, or by the id of its bus.",
  "request-malformed":
    "The request is no well-formed HTTP or JSON, or says one thing twice: a header, a name in the query, a length.",
  "request-invalid":
    "The request can be read, and a field is missing, unknown, or not of the right form.",
  "request-too-large": "The body has more bytes than this route takes.",
  "media-type": "The body is not announced as JSON in UTF-8, or it is compressed.",
  "route-not-found": "The API has no such path.",
  "method-not-allowed": "The path exists, with other methods.",
  "host-unknown":
    "The request came under a name that is not this node's. A page of another site may have made its own name point here.",
  "origin-foreign":
    "A web page of another site sent the request from somebody's browser. No such page may drive a node.",
  "too-many-requests": "This address or user sends more requests than one may.",
  "node-busy": "The node has no room for another request of this kind right now.",
  unauthenticated:
    "The request carries neither a signature nor a token, and this node asks for one.",
  "signature-malformed":
    "The headers of the signature, the certificate or the token are not of the form that this API takes, or there is more than one proof.",
  "signature-incomplete":
    "The signature leaves out a part of the request that it has to cover, or covers one that it may not.",
  "signature-expired": "The signature's `expires` is past, by the node's clock.",
  "signature-future": "The signature's `created` is ahead of the node's clock.",
  "signature-long-lived": "The signature would be good for longer than a signature may.",
  "signature-before-start":
    "The signature was made before the node started, and the node does not remember which ones it saw then.",
  "signature-repeated":
    "A request with this key and nonce was accepted before. Somebody may have copied it.",
  "signature-wrong": "The signature is not that of the key over this request.",
  "digest-wrong": "The body that arrived does not have the digest that was signed.",
  "key-unknown":
    "The node has not seen the key that signed, and the request brings no certificate of it.",
  "key-unusable": "The key that signed is no usable Ed25519 key.",
  "certificate-wrong":
    "The certificate of the key is not signed by the nkey that it names, or not for this bus.",
  "user-unknown": "Who signed is no user of this bus.",
  "identity-revoked": "Who asks was a user and is revoked.",
  "token-wrong": "The node knows no such token, or its secret is another one.",
  "token-expired": "The token was good, and its time is over.",
  forbidden: "Who asks is known, and may not do this.",
  internal: "The node met an error that it did not expect. It tells nobody but its log.",
  "not-ready": "A part of the node does not do its work yet, or no longer.",
  "journal-unavailable": "The journal could not take the change; surely nothing was applied.",
  "not-recorded":
    "Nothing could be recorded; the revoked user is closed and refused by the node that answers, until it ends.",
  "outcome-unknown":
    "The operation was handed to the cluster, and no answer came in time: it may be applied, now or later.",
  "data-plane-external":
    "This needs the node's own nats-server, and the node was given another one.",
  "idempotency-conflict": "This Idempotency-Key was sent before, with another request.",
  "key-invalid":
    "The text is no public user key, its checksum is wrong, or the key is one that nobody can hold.",
  "bus-has-admin": "A first admin can be made once, and the bus has one.",
  "user-exists": "The key belongs to a user already, active or revoked.",
  "user-not-found": "No user has this key or name.",
  "user-revoked": "The user whom this is about is revoked.",
  "name-taken": "Another user has this name, or one that looks the same.",
  "name-ambiguous": "More than one room has this name.",
  "room-not-found":
    "There is no such room, or none that the caller may see: the two cannot be told apart.",
  "room-exists": "Another room has this id.",
  "rooms-full": "The user is in as many rooms as a user may be in.",
  "room-full": "The room has as many members as a room may have.",
  "pending-full": "As many memberships of this user wait for acceptance as may.",
  "member-not-found": "The user is not in this room.",
  "rights-taken-lately":
    "Who took rights from a user may give it none for a minute: each taking closes the user's connections, on all rooms.",
  "key-replaced": "Another key is active in the place of this one.",
  "keys-replaced-often": "A user may replace its key a few times a day.",
  "last-admin": "Nobody would be left to manage the bus.",
  "last-owner": "Nobody would be left to manage the room.",
  "version-conflict": "The `if-match` of the request names a version that is no longer the newest.",
  "already-issued":
    "This is a repeat of a request that made a secret. The secret was in its first answer, and is kept nowhere.",
  "token-not-found": "The caller has no token of this id.",
  "tokens-full": "The user has as many tokens as a user may have.",
  "invite-not-found": "There is no invite of this id.",
  "invite-redeemed": "Somebody has used the invite.",
  "invite-expired": "The invite was not used in its time.",
  "invites-full": "As many invites wait to be used as may.",
  "node-token-wrong": "The text is no token for a node, or it is one that this bus has not made.",
  "node-token-used": "A token lets one node in, and one has joined by it.",
  "node-token-expired": "A token for a node lives some minutes, and these are over.",
  "node-token-unattended":
    "The command that made the token has ended, or runs at another node; making it is the approval, and nobody else can sign.",
  "node-tokens-full": "There are as many unused tokens for nodes as there may be.",
  "node-name-taken": "Nodes are told apart by their names, and this one is in use.",
  "node-removed": "The node was taken out of the cluster, for good, by `unibus node remove`.",
  "node-ca-foreign":
    "The certificate authority is not the one that the token, or the cluster, names.",
  "proof-wrong": "The request does not show that its sender holds the invite.",
  "record-invalid":
    "The signed record is not of the right form, not for this bus, or not signed by whom it names.",
  "record-required":
    "Members of an encrypted room change by records that its members sign, which this version does not take yet.",
  "plain-rooms-disabled":
    "The node listens in public, where rooms have to be end-to-end encrypted.",
};
