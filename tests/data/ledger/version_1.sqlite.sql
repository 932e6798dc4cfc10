BEGIN TRANSACTION;
CREATE TABLE commands (
            key TEXT PRIMARY KEY, reference TEXT NOT NULL, accepted_at TEXT NOT NULL,
            team_id TEXT NOT NULL, channel_id TEXT NOT NULL, user_id TEXT NOT NULL, text TEXT NOT NULL,
            opportunity_id TEXT NOT NULL, status TEXT NOT NULL, state TEXT NOT NULL,
            before TEXT, after TEXT, outcome TEXT, trace_id TEXT, delivered TEXT, finished_at TEXT
        );
INSERT INTO "commands" VALUES('10001.1.aa','REF10001','2026-11-25T02:07:03.146+00:00','T0SIMULATED','C0SALES','U0ANA','aB3dE5fG7hJ9kL1mN2pQ won','aB3dE5fG7hJ9kL1mN2pQ','won','finished','open','won','changed','f3d1df6d','response_url','2026-11-25T02:07:03.155+00:00');
INSERT INTO "commands" VALUES('10002.1.bb','REF10002','2026-11-25T02:07:03.156+00:00','T0SIMULATED','C0SALES','U0ANA','aB3dE5fG7hJ9kL1mN2pQ won','aB3dE5fG7hJ9kL1mN2pQ','won','finished','won','won','already_so',NULL,'channel','2026-11-25T02:07:03.157+00:00');
INSERT INTO "commands" VALUES('10003.1.cc','REF10003','2026-11-25T02:07:03.158+00:00','T0SIMULATED','C0SALES','U0ANA','zZ9yY8xX7wW6vV5uU4tT lost – ‘naïve’ 😀','zZ9yY8xX7wW6vV5uU4tT','lost','finished',NULL,NULL,'not_found','','undelivered','2026-11-25T02:07:03.159+00:00');
INSERT INTO "commands" VALUES('10004.1.dd','REF10004','2026-11-25T02:07:03.160+00:00','T0SIMULATED','C0SALES','U0ANA','cD4eF6gH8jK1lM3nP5qR won','cD4eF6gH8jK1lM3nP5qR','won','accepted',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES('10005.1.ee','REF10005','2026-11-25T02:07:03.161+00:00','T0SIMULATED','C0SALES','U0ANA','cD4eF6gH8jK1lM3nP5qR lost','cD4eF6gH8jK1lM3nP5qR','lost','intended','open',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES('10006.1.ff','REF10006','2026-11-25T02:07:03.162+00:00','T0SIMULATED','C0SALES','U0ANA','cD4eF6gH8jK1lM3nP5qR won','cD4eF6gH8jK1lM3nP5qR','won','intended','open',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO "schema_version" VALUES(1);
CREATE INDEX commands_by_opportunity ON commands (opportunity_id, accepted_at);
COMMIT;
