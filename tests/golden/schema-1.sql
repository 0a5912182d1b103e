-- A data folder of schema 1, with users, a room and a revocation. Never edited: later versions must open it.
PRAGMA application_id = 1970170210;
PRAGMA user_version = 1;
CREATE TABLE bus (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  bus_id TEXT NOT NULL CHECK (length(bus_id) = 32),
  generation TEXT NOT NULL CHECK (length(generation) = 32),
  format INTEGER NOT NULL CHECK (format >= 1),
  last_seq INTEGER NOT NULL CHECK (last_seq >= 0),
  chain BLOB NOT NULL CHECK (length(chain) = 32),
  latest_at INTEGER NOT NULL CHECK (latest_at >= 0)
) STRICT;
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY CHECK (seq >= 1),
  entry TEXT NOT NULL,
  outcome TEXT NOT NULL,
  changes TEXT NOT NULL,
  chain BLOB NOT NULL CHECK (length(chain) = 32),
  detail TEXT,
  operation_id TEXT NOT NULL UNIQUE,
  signature_id TEXT UNIQUE,
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE users (
  user TEXT PRIMARY KEY CHECK (length(user) = 56),
  name TEXT,
  name_key TEXT UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
  state TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
  accept TEXT NOT NULL CHECK (accept IN ('from-admins', 'all', 'none')),
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE rooms (
  room TEXT PRIMARY KEY CHECK (length(room) = 26),
  name TEXT NOT NULL,
  history TEXT NOT NULL CHECK (history IN ('k', 'n')),
  shard TEXT NOT NULL CHECK (length(shard) = 1 AND shard GLOB '[0-9a-f]'),
  content TEXT NOT NULL CHECK (content IN ('plain')),
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE members (
  room TEXT NOT NULL REFERENCES rooms (room),
  user TEXT NOT NULL REFERENCES users (user),
  role TEXT NOT NULL CHECK (role IN ('owner', 'member', 'reader', 'writer')),
  state TEXT NOT NULL CHECK (state IN ('pending', 'active')),
  added_at INTEGER NOT NULL,
  PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
INSERT INTO "bus" VALUES (1, 'def1532aecaccef5cd9da1fb22f9df37', '5abd95b8bc2da95b93f8d4db1ecdbedf', 1, 6, x'37d5e9d7586b84921030982b557a19b2e709eec963a3c61e6b697b9fbc4c51dd', 1795332263758);
INSERT INTO "journal" VALUES (1, '{"format":1,"operation":{"actor":{"kind":"operator"},"at":1795332263728,"change":{"kind":"user.seed","name":null,"user":"UCFIRY65OQE7DFP5KLNS2PF2LVZMUZYJX4OZIEQ36N2IQANUB5XVZ45L"},"evidence":{"kind":"local","uid":0},"format":1,"id":"2ebfb1fc092750f7332f5ad7d11c303d36594997a990d05741ce804179642e64","idempotencyKey":null,"requestDigest":"2ebfb1fc092750f7332f5ad7d11c303d36594997a990d05741ce804179642e64","signatureId":null},"seq":1}', '{"effects":[],"status":"applied"}', '[{"key":"UCFIRY65OQE7DFP5KLNS2PF2LVZMUZYJX4OZIEQ36N2IQANUB5XVZ45L","row":{"accept":"from-admins","changed_at":1795332263728,"created_at":1795332263728,"name":null,"name_key":null,"role":"admin","state":"active","user":"UCFIRY65OQE7DFP5KLNS2PF2LVZMUZYJX4OZIEQ36N2IQANUB5XVZ45L"},"table":"users"}]', x'b0e6db239b75a9163aeee6e9dcefc182dfa4c9b92d3cbd342e93ac5cd31736bb', NULL, '2ebfb1fc092750f7332f5ad7d11c303d36594997a990d05741ce804179642e64', NULL, 1795332263728);
INSERT INTO "journal" VALUES (2, '{"format":1,"operation":{"actor":{"kind":"operator"},"at":1795332263744,"change":{"kind":"user.add","name":"alice","role":"member","user":"UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO"},"evidence":{"kind":"local","uid":0},"format":1,"id":"379c3be83443dbb976d407230b200ed1458d48019a5bc6bcf4a840b868270af6","idempotencyKey":null,"requestDigest":"c3a16f6c2d2f9ded235b549976662308f3425e8784fe68bb901a686f05e781bd","signatureId":null},"seq":2}', '{"effects":[],"status":"applied"}', '[{"key":"UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO","row":{"accept":"from-admins","changed_at":1795332263744,"created_at":1795332263744,"name":"alice","name_key":"alice","role":"member","state":"active","user":"UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO"},"table":"users"}]', x'c134cf660262eafa10dac2219ac257c934bb4eed76fcbc816f2e728173b0f243', NULL, '379c3be83443dbb976d407230b200ed1458d48019a5bc6bcf4a840b868270af6', NULL, 1795332263744);
INSERT INTO "journal" VALUES (3, '{"format":1,"operation":{"actor":{"kind":"operator"},"at":1795332263748,"change":{"kind":"user.add","name":"bob","role":"member","user":"UDWUSKGGFDI4FRXK5EBTRECZSVQSSWJHHJOGH6JWG3AUMFFMQ435C2U4"},"evidence":{"kind":"local","uid":0},"format":1,"id":"5be8a2d781998c17e80bd18dfe7d122ee8e073ed07447aece0e6fde5cd7e834f","idempotencyKey":null,"requestDigest":"56c07f545d6e32671348be9b0808ae9c8744db03a371211a32d05dc76fb8cd7d","signatureId":null},"seq":3}', '{"effects":[],"status":"applied"}', '[{"key":"UDWUSKGGFDI4FRXK5EBTRECZSVQSSWJHHJOGH6JWG3AUMFFMQ435C2U4","row":{"accept":"from-admins","changed_at":1795332263748,"created_at":1795332263748,"name":"bob","name_key":"bob","role":"member","state":"active","user":"UDWUSKGGFDI4FRXK5EBTRECZSVQSSWJHHJOGH6JWG3AUMFFMQ435C2U4"},"table":"users"}]', x'54a93119a3a3fd6305df48f1170c1f1eb37b3dff5ed5491c16fa23e94bace970', NULL, '5be8a2d781998c17e80bd18dfe7d122ee8e073ed07447aece0e6fde5cd7e834f', NULL, 1795332263748);
INSERT INTO "journal" VALUES (4, '{"format":1,"operation":{"actor":{"kind":"operator"},"at":1795332263751,"change":{"history":"k","kind":"room.create","name":"ops","owner":null,"room":"tbup6qqwtkqapwwszpcyviiy5d","shard":"f"},"evidence":{"kind":"local","uid":0},"format":1,"id":"cd0920beb6051bc4db4147c55ef2e78a730941b31a25f922ccf420d3a49712dd","idempotencyKey":null,"requestDigest":"7733f1582141439131f733db3fcf77dd00966d3335de5acae64e07a384c6efe6","signatureId":null},"seq":4}', '{"effects":[],"status":"applied"}', '[{"key":"tbup6qqwtkqapwwszpcyviiy5d","row":{"content":"plain","created_at":1795332263751,"created_by":"operator","history":"k","name":"ops","room":"tbup6qqwtkqapwwszpcyviiy5d","shard":"f"},"table":"rooms"}]', x'd943070ebf67d06d0d292e66068b2d306aa0a027b05f64b0cee2e336383a4cab', NULL, 'cd0920beb6051bc4db4147c55ef2e78a730941b31a25f922ccf420d3a49712dd', NULL, 1795332263751);
INSERT INTO "journal" VALUES (5, '{"format":1,"operation":{"actor":{"kind":"operator"},"at":1795332263754,"change":{"kind":"member.add","role":"owner","room":"tbup6qqwtkqapwwszpcyviiy5d","user":"UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO"},"evidence":{"kind":"local","uid":0},"format":1,"id":"7cae53b1675f06bd22d7b74621ebf5e8452787a22cffc9d7a7c5bf5319bca39e","idempotencyKey":null,"requestDigest":"651f157998b5e87a22f02fa3b7d5e6c1ecc75ae99c76045da5d1eaf3ac948626","signatureId":null},"seq":5}', '{"effects":[{"kind":"rights.changed","users":["UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO"]},{"event":"room.gained","kind":"user.told","role":"owner","room":"tbup6qqwtkqapwwszpcyviiy5d","user":"UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO"}],"status":"applied"}', '[{"key":"tbup6qqwtkqapwwszpcyviiy5d UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO","row":{"added_at":1795332263754,"role":"owner","room":"tbup6qqwtkqapwwszpcyviiy5d","state":"active","user":"UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO"},"table":"members"}]', x'd19c8ce72b79243986071de4600e57514d6b6086e2f6c8b35511653a7ad26cf4', NULL, '7cae53b1675f06bd22d7b74621ebf5e8452787a22cffc9d7a7c5bf5319bca39e', NULL, 1795332263754);
INSERT INTO "journal" VALUES (6, '{"format":1,"operation":{"actor":{"kind":"operator"},"at":1795332263758,"change":{"kind":"user.revoke","user":"UDWUSKGGFDI4FRXK5EBTRECZSVQSSWJHHJOGH6JWG3AUMFFMQ435C2U4"},"evidence":{"kind":"local","uid":0},"format":1,"id":"f5ce2a9290a2924f8b707ac3c9e153772045e0c06f5ed68f1107cb66ce118c92","idempotencyKey":null,"requestDigest":"3b95b50db1fcfc41387b053970cbd1f36aaf5ca6ae4cc3bde11f3ec80e3db6d9","signatureId":null},"seq":6}', '{"effects":[{"kind":"rights.changed","users":["UDWUSKGGFDI4FRXK5EBTRECZSVQSSWJHHJOGH6JWG3AUMFFMQ435C2U4"]}],"status":"applied"}', '[{"key":"UDWUSKGGFDI4FRXK5EBTRECZSVQSSWJHHJOGH6JWG3AUMFFMQ435C2U4","row":{"accept":"from-admins","changed_at":1795332263758,"created_at":1795332263748,"name":"bob","name_key":"bob","role":"member","state":"revoked","user":"UDWUSKGGFDI4FRXK5EBTRECZSVQSSWJHHJOGH6JWG3AUMFFMQ435C2U4"},"table":"users"}]', x'37d5e9d7586b84921030982b557a19b2e709eec963a3c61e6b697b9fbc4c51dd', NULL, 'f5ce2a9290a2924f8b707ac3c9e153772045e0c06f5ed68f1107cb66ce118c92', NULL, 1795332263758);
INSERT INTO "users" VALUES ('UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO', 'alice', 'alice', 'member', 'active', 'from-admins', 1795332263744, 1795332263744);
INSERT INTO "users" VALUES ('UCFIRY65OQE7DFP5KLNS2PF2LVZMUZYJX4OZIEQ36N2IQANUB5XVZ45L', NULL, NULL, 'admin', 'active', 'from-admins', 1795332263728, 1795332263728);
INSERT INTO "users" VALUES ('UDWUSKGGFDI4FRXK5EBTRECZSVQSSWJHHJOGH6JWG3AUMFFMQ435C2U4', 'bob', 'bob', 'member', 'revoked', 'from-admins', 1795332263748, 1795332263758);
INSERT INTO "rooms" VALUES ('tbup6qqwtkqapwwszpcyviiy5d', 'ops', 'k', 'f', 'plain', 1795332263751, 'operator');
INSERT INTO "members" VALUES ('tbup6qqwtkqapwwszpcyviiy5d', 'UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO', 'owner', 'active', 1795332263754);
CREATE INDEX users_admins ON users (state) WHERE role = 'admin';
CREATE INDEX rooms_by_name ON rooms (name, room);
CREATE INDEX rooms_by_creator ON rooms (created_by, room);
CREATE INDEX members_by_user ON members (user, state, room);
