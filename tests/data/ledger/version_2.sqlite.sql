BEGIN TRANSACTION;
CREATE TABLE commands (
            key TEXT PRIMARY KEY, reference TEXT NOT NULL, accepted_at TEXT NOT NULL,
            team_id TEXT NOT NULL, channel_id TEXT NOT NULL, user_id TEXT NOT NULL, text TEXT NOT NULL,
            opportunity_id TEXT NOT NULL, status TEXT NOT NULL, state TEXT NOT NULL,
            before TEXT, after TEXT, outcome TEXT, trace_id TEXT, delivered TEXT, finished_at TEXT
        , opportunity_name TEXT, lost_reason_id TEXT, only_if TEXT, undoes TEXT, owner TEXT, lease_until DOUBLE PRECISION, attempts INTEGER NOT NULL DEFAULT 0, before_lost_reason_id TEXT, response_url TEXT, message_ts TEXT, told_to_wait INTEGER NOT NULL DEFAULT 0, reply TEXT, effect TEXT);
INSERT INTO "commands" VALUES('20001.1.aa','REF20001','2026-11-25T05:17:08.953+00:00','T0SIMULATED','C0SALES','U0ANA','aB3dE5fG7hJ9kL1mN2pQ won','aB3dE5fG7hJ9kL1mN2pQ','won','finished','open','won','changed','f3d1df6d','channel','2026-11-25T05:17:08.982+00:00','New website',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'1700000000.000100',0,NULL,NULL);
INSERT INTO "commands" VALUES('20002.1.bb','REF20002','2026-11-25T05:17:08.984+00:00','T0SIMULATED','C0SALES','U0ANA','20001.1.aa','aB3dE5fG7hJ9kL1mN2pQ','open','finished','won','open','changed','','response_url','2026-11-25T05:17:08.988+00:00','New website',NULL,'won','20001.1.aa',NULL,NULL,0,NULL,NULL,'1700000000.000100',0,NULL,NULL);
INSERT INTO "commands" VALUES('20003.1.cc','REF20003','2026-11-25T05:17:08.989+00:00','T0SIMULATED','C0SALES','U0ANA','zZ9yY8xX7wW6vV5uU4tT lost – ‘naïve’ 😀','zZ9yY8xX7wW6vV5uU4tT','lost','finished',NULL,NULL,'not_found','t','undelivered','2026-11-25T05:17:08.993+00:00',NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,0,NULL,'nothing');
INSERT INTO "commands" VALUES('20004.1.dd','REF20004','2026-11-25T05:17:08.994+00:00','T0SIMULATED','C0SALES','U0ANA','cD4eF6gH8jK1lM3nP5qR won','cD4eF6gH8jK1lM3nP5qR','won','intended','open',NULL,NULL,NULL,NULL,NULL,'Spring campaign',NULL,NULL,NULL,'aecc979b4d43db27',1.79558385749600124365e+09,0,NULL,'https://hooks.example/commands/not-a-key',NULL,0,NULL,NULL);
INSERT INTO "commands" VALUES('20005.1.ee','REF20005','2026-11-25T05:17:08.997+00:00','T0SIMULATED','C0SALES','U0ANA','cD4eF6gH8jK1lM3nP5qR lost','cD4eF6gH8jK1lM3nP5qR','lost','accepted',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'aecc979b4d43db27',1.79558385749700689321e+09,0,NULL,'https://hooks.example/commands/not-a-key',NULL,0,NULL,NULL);
INSERT INTO "commands" VALUES('20006.1.ff','REF20006','2026-11-25T05:17:08.998+00:00','T0SIMULATED','C0SALES','U0ANA','aB3dE5fG7hJ9kL1mN2pQ won','aB3dE5fG7hJ9kL1mN2pQ','won','answered','won','won','already_so',NULL,NULL,NULL,'New website',NULL,NULL,NULL,'aecc979b4d43db27',1.79558385750099015233e+09,0,NULL,'https://hooks.example/commands/not-a-key',NULL,0,'{"text": "Ana changed New website from open to won.", "blocks": [{"type": "divider"}], "public": true, "replaces": false}',NULL);
CREATE TABLE probe (pad TEXT NOT NULL);
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO "schema_version" VALUES(2);
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
COMMIT;
