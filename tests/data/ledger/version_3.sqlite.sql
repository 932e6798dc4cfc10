BEGIN TRANSACTION;
CREATE TABLE commands (
            key TEXT PRIMARY KEY, reference TEXT NOT NULL, accepted_at TEXT NOT NULL,
            team_id TEXT NOT NULL, channel_id TEXT NOT NULL, user_id TEXT NOT NULL, text TEXT NOT NULL,
            opportunity_id TEXT NOT NULL, status TEXT NOT NULL, state TEXT NOT NULL,
            before TEXT, after TEXT, outcome TEXT, trace_id TEXT, delivered TEXT, finished_at TEXT
        , opportunity_name TEXT, lost_reason_id TEXT, only_if TEXT, undoes TEXT, owner TEXT, lease_until DOUBLE PRECISION, attempts INTEGER NOT NULL DEFAULT 0, before_lost_reason_id TEXT, response_url TEXT, message_ts TEXT, told_to_wait INTEGER NOT NULL DEFAULT 0, reply TEXT, effect TEXT, called TEXT, reason TEXT, consent TEXT NOT NULL DEFAULT 'given', continues TEXT, batch TEXT, note TEXT, public INTEGER NOT NULL DEFAULT 1, announced_in TEXT, announced_ts TEXT);
INSERT INTO "commands" VALUES('30001.1.aa','REF30001','2026-11-26T03:48:06.796+00:00','T0SIMULATED','C0SALES','U0ANA','aB3dE5fG7hJ9kL1mN2pQ won','aB3dE5fG7hJ9kL1mN2pQ','won','finished','open','won','changed','f3d1df6d','channel','2026-11-26T03:48:06.899+00:00','New website',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'1700000000.000100',0,NULL,NULL,NULL,NULL,'given',NULL,NULL,NULL,1,'C0WINS','1700000000.000200');
INSERT INTO "commands" VALUES('30002.1.bb','REF30002','2026-11-26T03:48:06.907+00:00','T0SIMULATED','C0SALES','U0ANA','Acme won','','won','finished',NULL,NULL,'ambiguous',NULL,'response_url','2026-11-26T03:48:06.919+00:00',NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,0,NULL,NULL,'Acme',NULL,'given',NULL,NULL,NULL,1,NULL,NULL);
INSERT INTO "commands" VALUES('30003.1.cc','REF30003','2026-11-26T03:48:06.923+00:00','T0SIMULATED','C0SALES','U0ANA','','cD4eF6gH8jK1lM3nP5qR','lost','intended','open',NULL,NULL,NULL,NULL,NULL,'Spring campaign','R1',NULL,NULL,'669a2cecdc4f6c1c',1.79566491544801044464e+09,0,NULL,'https://hooks.example/commands/not-a-key',NULL,0,NULL,NULL,'Acme','too expensive','given','30002.1.bb',NULL,'a note – ‘naïve’ 😀',0,NULL,NULL);
INSERT INTO "commands" VALUES('30004.1.dd','REF30004','2026-11-26T03:48:06.956+00:00','T0SIMULATED','C0SALES','U0ANA','aB3dE5fG7hJ9kL1mN2pQ eF5gH7jK9lM2nP4qR6sT open','aB3dE5fG7hJ9kL1mN2pQ','open','accepted',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'669a2cecdc4f6c1c',1.79566491546201133732e+09,0,NULL,'https://hooks.example/commands/not-a-key',NULL,0,NULL,NULL,NULL,NULL,'given',NULL,'30004.1.dd',NULL,1,NULL,NULL);
INSERT INTO "commands" VALUES('30004.1.dd.1','REF30004','2026-11-26T03:48:06.956+00:00','T0SIMULATED','C0SALES','U0ANA','aB3dE5fG7hJ9kL1mN2pQ eF5gH7jK9lM2nP4qR6sT open','eF5gH7jK9lM2nP4qR6sT','open','accepted',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'669a2cecdc4f6c1c',1.79566491546201133732e+09,0,NULL,'https://hooks.example/commands/not-a-key',NULL,0,NULL,NULL,NULL,NULL,'presumed',NULL,'30004.1.dd',NULL,1,NULL,NULL);
INSERT INTO "commands" VALUES('30005.1.ee','REF30005','2026-11-26T03:48:06.966+00:00','T0SIMULATED','C0SALES','U0ANA','eF5gH7jK9lM2nP4qR6sT won','eF5gH7jK9lM2nP4qR6sT','won','answered','won','won','already_so',NULL,NULL,NULL,'New website',NULL,NULL,NULL,'669a2cecdc4f6c1c',1.79566491547701835625e+09,0,NULL,'https://hooks.example/commands/not-a-key',NULL,0,'{"text": "It is won.", "blocks": [{"type": "divider"}], "public": true, "replaces": false, "also_in": "C0WINS", "asks_why": false, "takes_back": false}',NULL,NULL,NULL,'given',NULL,NULL,NULL,1,NULL,NULL);
CREATE TABLE probe (pad TEXT NOT NULL);
INSERT INTO "probe" VALUES('x');
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO "schema_version" VALUES(3);
CREATE INDEX commands_by_opportunity ON commands (opportunity_id, accepted_at);
CREATE INDEX commands_unfinished ON commands (lease_until) WHERE state <> 'finished';
CREATE UNIQUE INDEX commands_one_at_a_time ON commands (opportunity_id)
        WHERE state IN ('running', 'intended')
        ;
CREATE UNIQUE INDEX commands_one_undo ON commands (undoes)
        WHERE undoes IS NOT NULL AND (outcome IS NULL OR outcome = 'changed')
        ;
CREATE INDEX commands_waiting ON commands (opportunity_id, accepted_at) WHERE state <> 'finished';
CREATE INDEX commands_by_user ON commands (user_id, accepted_at);
CREATE INDEX commands_by_time ON commands (accepted_at);
CREATE UNIQUE INDEX commands_one_answer ON commands (continues)
        WHERE continues IS NOT NULL AND (outcome IS NULL OR outcome = 'changed')
        ;
CREATE INDEX commands_by_batch ON commands (batch) WHERE batch IS NOT NULL;
COMMIT;
