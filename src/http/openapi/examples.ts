import type { Bus } from "../../contract/bus.ts";
import type { Health, HealthPart, Posture, Readiness } from "../../contract/health.ts";
import type {
  CreateInviteBody,
  Invite,
  InvitePage,
  NewInvite,
  RedeemInviteBody,
} from "../../contract/invites.ts";
import type { Directory, DirectoryEntry, Me, UpdateMeBody } from "../../contract/me.ts";
import type { AddMemberBody, Member, MemberPage } from "../../contract/members.ts";
import type {
  AnswerNodeBody,
  ClusterNode,
  ClusterNodes,
  CreateNodeTokenBody,
  JoinAnswered,
  JoinBody,
  Membership,
  NewNodeToken,
  UseNodeTokenBody,
  WaitingRequests,
} from "../../contract/nodes.ts";
import type { Refusals, Refused } from "../../contract/refusals.ts";
import type { CreateRoomBody, Room, RoomPage, UpdateRoomBody } from "../../contract/rooms.ts";
import type { CreateTokenBody, NewToken, Token, TokenPage } from "../../contract/tokens.ts";
import type {
  AddUserBody,
  ReplaceKeyBody,
  SeedUserBody,
  UpdateUserBody,
  User,
  UserDetail,
  UserPage,
  UserRoom,
} from "../../contract/users.ts";

const ALICE = "UDK36SR7ZTTRPMBYRPGCOSPLYFEK3GLJWI7UL3Q3MBP5LB3YK5VMJMQJ";
const BOB = "UDWMDNMHE7Z7CKZRSSEBVHWLTXQLFDHHWIDSGDMOSMH6DPHHLYSWYNTG";
const CAROL = "UATLDRZIJG4TZJJWMTFIEQDEHRIUYRY4UCSKIJHCJTZMZSAKHGJT5ZHT";
const ROOM = "vewdnztkexxjt74gf6vi5b4ypp";
const TOKEN = "hrdj5hlmlb25g6sd6nj5j6eomh";
const INVITE = "kakptlz2nbh52zfhoxa4jrjs5z";
const NODE_TOKEN = "mbpzk4qhyxg2w6l7tsj3n5dvco";
const AT = "2026-01-05T08:00:00.000Z";
const LATER = "2026-01-05T09:00:00.000Z";

/** Values of path parameters. */
export const PATH_EXAMPLES: Readonly<Record<string, string>> = {
  room: ROOM,
  user: BOB,
  token: TOKEN,
  invite: INVITE,
};

const posture: Posture = {
  mode: "enforce",
  tls: true,
  rights: "rooms",
  plainRooms: true,
  cluster: null,
  dataPlane: "embedded",
};
const part: HealthPart = { part: "journal", ready: true, detail: "takes entries" };
const health: Health = {
  alive: true,
  ready: true,
  version: "0.1.0",
  bus: "1f0c6d2e9b7a45d38c21e6f4a0b59d73",
  posture,
  parts: [part],
  warnings: [],
};
const bus: Bus = {
  dataPlane: "embedded",
  clientUrls: ["tls://bus.example:4222"],
  nodes: [
    {
      node: "north",
      clientUrls: ["tls://north.bus.example:4222"],
      apiUrls: ["https://north.bus.example:8470"],
    },
  ],
  tls: true,
  mode: "enforce",
  version: "0.1.0",
  natsVersion: "2.15.0",
  cluster: "bus",
  limits: {
    payloadBytesMax: 262_144,
    connectionsPerUserMax: 20,
    subscriptionsPerConnectionMax: 1_000,
    roomsPerUserMax: 500,
  },
};
const refused: Refused = {
  at: AT,
  kind: "login",
  reason: "key-unknown",
  address: "192.0.2.7",
  user: CAROL,
  subject: "",
  admitted: false,
};
const refusals: Refusals = { counts: { "login.key-unknown": 1 }, last: [refused] };

const user: User = {
  user: BOB,
  name: "bob",
  role: "member",
  state: "active",
  accept: "from-admins",
  createdAt: AT,
  changedAt: AT,
  successor: null,
  keyNumber: 1,
};
const userRoom: UserRoom = { room: ROOM, name: "ops", role: "member", state: "active" };
const userDetail: UserDetail = { ...user, rooms: [userRoom] };
const userPage: UserPage = { users: [user], next: null };
const seedUser: SeedUserBody = { user: ALICE, name: "alice" };
const addUser: AddUserBody = { user: BOB, name: "bob", role: "member" };
const updateUser: UpdateUserBody = { name: "robert" };
const replaceKey: ReplaceKeyBody = {
  user: CAROL,
  proof: { number: 2, byNew: "x".repeat(86), byOld: "x".repeat(86) },
};

const room: Room = {
  room: ROOM,
  name: "ops",
  content: "plain",
  history: "keep",
  historyKept: false,
  subject: `rm.k.7.${ROOM}`,
  members: 2,
  createdBy: ALICE,
  createdAt: AT,
};
const roomPage: RoomPage = { rooms: [room], next: null };
const createRoom: CreateRoomBody = { name: "ops" };
const updateRoom: UpdateRoomBody = { name: "operations" };
const member: Member = {
  room: ROOM,
  user: BOB,
  name: "bob",
  role: "member",
  state: "active",
  addedAt: AT,
};
const memberPage: MemberPage = { members: [member], next: null };
const addMember: AddMemberBody = { role: "member" };

const me: Me = { kind: "user", user, scope: null, rooms: [userRoom] };
const updateMe: UpdateMeBody = { accept: "all" };
const directoryEntry: DirectoryEntry = { user: BOB, name: "bob" };
const directory: Directory = { users: [directoryEntry] };

const token: Token = {
  token: TOKEN,
  label: "laptop",
  scope: "write",
  room: null,
  createdAt: AT,
  expiresAt: LATER,
};
// Of the right form, and nobody's.
const newToken: NewToken = { ...token, secret: `ubt_${TOKEN}${"x".repeat(43)}` };
const tokenPage: TokenPage = { tokens: [token], next: null };
const createToken: CreateTokenBody = { label: "laptop", scope: "write", lifeSeconds: 3600 };

const invite: Invite = {
  invite: INVITE,
  label: "for carol",
  role: "member",
  rooms: [{ room: ROOM, role: "reader" }],
  createdBy: ALICE,
  createdAt: AT,
  expiresAt: LATER,
  redeemedBy: null,
};
const newInvite: NewInvite = { ...invite, secret: `ubi_${INVITE}${"x".repeat(43)}` };
const invitePage: InvitePage = { invites: [invite], next: null };
const createInvite: CreateInviteBody = { label: "for carol", role: "member", lifeSeconds: 3600 };
const redeemInvite: RedeemInviteBody = { name: "carol", proof: "x".repeat(86) };

const REQUEST = "4f".repeat(32);
const clusterNode: ClusterNode = {
  node: "north",
  self: false,
  connected: true,
  hung: false,
  fenced: false,
  joinedAt: AT,
  announcedAt: AT,
  removedAt: null,
  version: "0.1.0",
  level: 2,
  certificate: REQUEST,
  certificateEndsAt: "2027-01-05T08:00:00.000Z",
  route: "10.0.0.3:6250",
  clientUrls: ["tls://north.bus.example:4222"],
  apiUrls: ["https://north.bus.example:8470"],
};
const clusterNodes: ClusterNodes = { cluster: "bus", ca: REQUEST, nodes: [clusterNode] };
const SEALED = "x".repeat(64);
const createNodeToken: CreateNodeTokenBody = { token: NODE_TOKEN, lifeSeconds: 900 };
const newNodeToken: NewNodeToken = {
  token: NODE_TOKEN,
  expiresAt: LATER,
  cluster: "bus",
  urls: ["https://bus.example.org:8470"],
  ca: "-----BEGIN CERTIFICATE-----",
};
const waiting: WaitingRequests = {
  usedBy: null,
  requests: [{ request: REQUEST, sealed: SEALED }],
};
const useNodeToken: UseNodeTokenBody = {
  node: "north",
  route: "10.0.0.3:6250",
  certificate: REQUEST,
  certificateEndsAt: "2027-01-05T08:00:00.000Z",
};
const membership: Membership = {
  cluster: "bus",
  mode: "enforce",
  secret: { user: "route", password: "x".repeat(43) },
  routes: ["nats://10.0.0.2:6250"],
};
const answerNode: AnswerNodeBody = { request: REQUEST, sealed: SEALED };
const joinBody: JoinBody = { token: NODE_TOKEN, sealed: SEALED };
const joinAnswered: JoinAnswered = { sealed: SEALED };

/** An example of each named shape that a request or an answer has; problems have their own. */
export const EXAMPLES: Readonly<Record<string, unknown>> = {
  AddMemberBody: addMember,
  AddUserBody: addUser,
  AnswerNodeBody: answerNode,
  Bus: bus,
  ClusterNodes: clusterNodes,
  CreateInviteBody: createInvite,
  CreateNodeTokenBody: createNodeToken,
  CreateRoomBody: createRoom,
  CreateTokenBody: createToken,
  Directory: directory,
  Health: health,
  InvitePage: invitePage,
  JoinAnswered: joinAnswered,
  JoinBody: joinBody,
  Me: me,
  Member: member,
  MemberPage: memberPage,
  Membership: membership,
  NewInvite: newInvite,
  NewNodeToken: newNodeToken,
  NewToken: newToken,
  Readiness: { ready: true } satisfies Readiness,
  RedeemInviteBody: redeemInvite,
  Refusals: refusals,
  ReplaceKeyBody: replaceKey,
  Room: room,
  RoomPage: roomPage,
  SeedUserBody: seedUser,
  TokenPage: tokenPage,
  UpdateMeBody: updateMe,
  UpdateRoomBody: updateRoom,
  UpdateUserBody: updateUser,
  UseNodeTokenBody: useNodeToken,
  User: user,
  UserDetail: userDetail,
  UserPage: userPage,
  WaitingRequests: waiting,
};
