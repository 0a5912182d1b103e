import { type Static, Type } from "@sinclair/typebox";
import { NODE_SEALED_CHARS_MAX, NODE_TOKEN_LIFE_MS_MAX } from "../core/limits.ts";
import { AuthModeName, boundedText, CLOSED, nullable, Time } from "./values.ts";

/** One node of the cluster. */
export const ClusterNode = Type.Object(
  {
    node: Type.String({ description: "Its name, as --server-name has it" }),
    self: Type.Boolean({ description: "Whether it is the one that answers" }),
    connected: Type.Boolean({ description: "Whether the one that answers has a route to it now" }),
    hung: Type.Boolean({
      description: "Whether its unibus does not answer though there is a route to it",
    }),
    fenced: Type.Boolean({
      description: "Whether it did not for so long that its users are kept out there",
    }),
    joinedAt: nullable(Time, { description: "Null for a node that joined by no token" }),
    announcedAt: nullable(Time, {
      description: "When it last told something new of itself; null while it never did",
    }),
    removedAt: nullable(Time, { description: "Null while it is one of the nodes" }),
    version: nullable(Type.String(), { description: "Of its unibus, as far as it told that" }),
    level: nullable(Type.Integer(), { description: "Newest level that it knows" }),
    certificate: nullable(Type.String(), {
      description: "SHA-256 of its route certificate, in hex",
    }),
    certificateEndsAt: nullable(Time, { description: "Null where it is not known" }),
    route: nullable(Type.String(), { description: "Where other nodes reach it, if it told that" }),
    clientUrls: Type.Array(Type.String(), { description: "NATS URLs for clients" }),
    apiUrls: Type.Array(Type.String(), { description: "Origins of its API" }),
  },
  CLOSED,
);
export type ClusterNode = Static<typeof ClusterNode>;

export const ClusterNodes = Type.Object(
  {
    cluster: nullable(Type.String()),
    ca: nullable(Type.String(), {
      description: "SHA-256 of the certificate of the authority for routes; null without TLS",
    }),
    nodes: Type.Array(ClusterNode),
  },
  CLOSED,
);
export type ClusterNodes = Static<typeof ClusterNodes>;

export const ListNodesQuery = Type.Object(
  { all: Type.Optional(Type.Literal("true", { description: "Those too that were removed" })) },
  CLOSED,
);

export const NodeParams = Type.Object(
  { node: Type.String({ maxLength: 128, description: "The name of a node" }) },
  CLOSED,
);

const TokenText = Type.String({ maxLength: 128, description: "The id of a token for a node" });
const Sealed = Type.String({
  maxLength: NODE_SEALED_CHARS_MAX,
  pattern: "^[A-Za-z0-9_-]+$",
  description: "Sealed with the secret of the token: this node cannot read it",
});

export const CreateNodeTokenBody = Type.Object(
  {
    token: TokenText,
    lifeSeconds: Type.Integer({ minimum: 1, maximum: NODE_TOKEN_LIFE_MS_MAX / 1000 }),
  },
  CLOSED,
);
export type CreateNodeTokenBody = Static<typeof CreateNodeTokenBody>;

/** What whoever lets a node in has to know of the cluster beforehand. */
export const NewNodeToken = Type.Object(
  {
    token: Type.String(),
    expiresAt: Time,
    cluster: Type.String(),
    urls: Type.Array(Type.String(), { description: "Where this node's API is reached" }),
    ca: Type.String({ description: "Certificate of the authority for routes, PEM" }),
  },
  CLOSED,
);
export type NewNodeToken = Static<typeof NewNodeToken>;

export const WaitingRequests = Type.Object(
  {
    usedBy: nullable(Type.String()),
    requests: Type.Array(Type.Object({ request: Type.String(), sealed: Type.String() }, CLOSED)),
  },
  CLOSED,
);
export type WaitingRequests = Static<typeof WaitingRequests>;

export const UseNodeTokenBody = Type.Object(
  {
    node: boundedText(128),
    route: boundedText(300),
    certificate: nullable(boundedText(128), { description: "SHA-256 of its certificate, in hex" }),
    certificateEndsAt: nullable(Time),
  },
  CLOSED,
);
export type UseNodeTokenBody = Static<typeof UseNodeTokenBody>;

/** How the new node takes part; for the local operator alone, who can read it in the node's files. */
export const Membership = Type.Object(
  {
    cluster: Type.String(),
    mode: AuthModeName,
    secret: nullable(Type.Object({ user: Type.String(), password: Type.String() }, CLOSED)),
    routes: Type.Array(Type.String()),
  },
  CLOSED,
);
export type Membership = Static<typeof Membership>;

export const AnswerNodeBody = Type.Object(
  {
    request: boundedText(128),
    sealed: nullable(Sealed, { description: "Null for a request that nobody can read" }),
  },
  CLOSED,
);
export type AnswerNodeBody = Static<typeof AnswerNodeBody>;

export const JoinBody = Type.Object({ token: TokenText, sealed: Sealed }, CLOSED);
export type JoinBody = Static<typeof JoinBody>;

export const JoinAnswered = Type.Object(
  { sealed: nullable(Type.String(), { description: "Null while there is no answer yet" }) },
  CLOSED,
);
export type JoinAnswered = Static<typeof JoinAnswered>;

export const NodeTokenParams = Type.Object({ token: TokenText }, CLOSED);
