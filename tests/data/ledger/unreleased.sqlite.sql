BEGIN TRANSACTION;
CREATE TABLE access (
            reference TEXT PRIMARY KEY, user_id TEXT NOT NULL, team_id TEXT NOT NULL, channel_id TEXT NOT NULL,
            asked_at TEXT NOT NULL, state TEXT NOT NULL,
            decided_by TEXT, decided_at TEXT, revoked_by TEXT, revoked_at TEXT
        );
INSERT INTO "access" VALUES('K7QM2XRA','U0BEN','T1','C0SALES','2026-11-24T10:00:00.000+00:00','approved','U0KIM','2026-11-24T10:05:00.000+00:00',NULL,NULL);
CREATE TABLE channels (
            channel_id TEXT PRIMARY KEY, location_id TEXT NOT NULL, bound_by TEXT NOT NULL, bound_at TEXT NOT NULL
        );
CREATE TABLE commands (
            key TEXT PRIMARY KEY, reference TEXT NOT NULL, accepted_at TEXT NOT NULL,
            team_id TEXT NOT NULL, channel_id TEXT NOT NULL, user_id TEXT NOT NULL, text TEXT NOT NULL,
            opportunity_id TEXT NOT NULL, status TEXT NOT NULL, state TEXT NOT NULL,
            before TEXT, after TEXT, outcome TEXT, trace_id TEXT, delivered TEXT, finished_at TEXT
        , opportunity_name TEXT, lost_reason_id TEXT, only_if TEXT, undoes TEXT, owner TEXT, lease_until DOUBLE PRECISION, attempts INTEGER NOT NULL DEFAULT 0, before_lost_reason_id TEXT, response_url TEXT, message_ts TEXT, told_to_wait INTEGER NOT NULL DEFAULT 0, reply TEXT, effect TEXT, called TEXT, reason TEXT, consent TEXT NOT NULL DEFAULT 'given', continues TEXT, batch TEXT, note TEXT, public INTEGER NOT NULL DEFAULT 1, announced_in TEXT, announced_ts TEXT, location_id TEXT NOT NULL DEFAULT '');
INSERT INTO "commands" VALUES('1000000','H4WSYDSE','1000-01-01T00:00:00.000+00:00','T1','C0SALES','U0ANA','deal won','deal','won','finished','open','won','changed',NULL,'response_url','2026-11-24T10:00:00.000+00:00','New website',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'given',NULL,NULL,NULL,1,NULL,NULL,'');
INSERT INTO "commands" VALUES('1000001','H4WSYDSE','1000-01-01T00:00:00.000+00:00','T1','C0SALES','U0ANA','deal won','deal','won','finished','open','won','changed',NULL,'response_url','2026-11-24T10:00:00.000+00:00','New website',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'given',NULL,NULL,NULL,1,NULL,NULL,'');
CREATE TABLE connections (
            account_id TEXT PRIMARY KEY, kind TEXT NOT NULL, company_id TEXT NOT NULL, access TEXT NOT NULL,
            refresh TEXT, given_at DOUBLE PRECISION NOT NULL, ends_at DOUBLE PRECISION NOT NULL,
            generation INTEGER NOT NULL, owner TEXT, lease_until DOUBLE PRECISION, refused TEXT
        );
CREATE TABLE passes (
            digest TEXT PRIMARY KEY, purpose TEXT NOT NULL, ends_at DOUBLE PRECISION NOT NULL,
            spent INTEGER NOT NULL DEFAULT 0
        );
CREATE TABLE probe (pad TEXT NOT NULL);
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO "schema_version" VALUES(4);
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
CREATE UNIQUE INDEX access_one_standing ON access (user_id) WHERE state IN ('open', 'approved');
CREATE INDEX access_by_user ON access (user_id, asked_at);
COMMIT;
