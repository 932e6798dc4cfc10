CREATE TABLE public.commands (
    key text NOT NULL,
    reference text NOT NULL,
    accepted_at text NOT NULL,
    team_id text NOT NULL,
    channel_id text NOT NULL,
    user_id text NOT NULL,
    text text NOT NULL,
    opportunity_id text NOT NULL,
    status text NOT NULL,
    state text NOT NULL,
    before text,
    after text,
    outcome text,
    trace_id text,
    delivered text,
    finished_at text,
    opportunity_name text,
    lost_reason_id text,
    only_if text,
    undoes text,
    owner text,
    lease_until double precision,
    attempts integer DEFAULT 0 NOT NULL,
    before_lost_reason_id text,
    response_url text,
    message_ts text,
    told_to_wait integer DEFAULT 0 NOT NULL,
    reply text,
    effect text,
    called text,
    reason text,
    consent text DEFAULT 'given'::text NOT NULL,
    continues text,
    batch text,
    note text,
    public integer DEFAULT 1 NOT NULL,
    announced_in text,
    announced_ts text
);
CREATE TABLE public.probe (
    pad text NOT NULL
);
CREATE TABLE public.schema_version (
    version integer NOT NULL
);
INSERT INTO public.commands VALUES ('30001.1.aa', 'REF30001', '2026-11-26T03:48:10.111+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'aB3dE5fG7hJ9kL1mN2pQ won', 'aB3dE5fG7hJ9kL1mN2pQ', 'won', 'finished', 'open', 'won', 'changed', 'f3d1df6d', 'channel', '2026-11-26T03:48:10.256+00:00', 'New website', NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, '1700000000.000100', 0, NULL, NULL, NULL, NULL, 'given', NULL, NULL, NULL, 1, 'C0WINS', '1700000000.000200');
INSERT INTO public.commands VALUES ('30002.1.bb', 'REF30002', '2026-11-26T03:48:10.261+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'Acme won', '', 'won', 'finished', NULL, NULL, 'ambiguous', NULL, 'response_url', '2026-11-26T03:48:10.269+00:00', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, NULL, 'Acme', NULL, 'given', NULL, NULL, NULL, 1, NULL, NULL);
INSERT INTO public.commands VALUES ('30003.1.cc', 'REF30003', '2026-11-26T03:48:10.274+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', '', 'cD4eF6gH8jK1lM3nP5qR', 'lost', 'intended', 'open', NULL, NULL, NULL, NULL, NULL, 'Spring campaign', 'R1', NULL, NULL, '56e40f917bc762ea', 1795664918.789284, 0, NULL, 'https://hooks.example/commands/not-a-key', NULL, 0, NULL, NULL, 'Acme', 'too expensive', 'given', '30002.1.bb', NULL, 'a note – ‘naïve’ 😀', 0, NULL, NULL);
INSERT INTO public.commands VALUES ('30004.1.dd', 'REF30004', '2026-11-26T03:48:10.290+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'aB3dE5fG7hJ9kL1mN2pQ eF5gH7jK9lM2nP4qR6sT open', 'aB3dE5fG7hJ9kL1mN2pQ', 'open', 'accepted', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '56e40f917bc762ea', 1795664918.795233, 0, NULL, 'https://hooks.example/commands/not-a-key', NULL, 0, NULL, NULL, NULL, NULL, 'given', NULL, '30004.1.dd', NULL, 1, NULL, NULL);
INSERT INTO public.commands VALUES ('30004.1.dd.1', 'REF30004', '2026-11-26T03:48:10.290+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'aB3dE5fG7hJ9kL1mN2pQ eF5gH7jK9lM2nP4qR6sT open', 'eF5gH7jK9lM2nP4qR6sT', 'open', 'accepted', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '56e40f917bc762ea', 1795664918.79553, 0, NULL, 'https://hooks.example/commands/not-a-key', NULL, 0, NULL, NULL, NULL, NULL, 'presumed', NULL, '30004.1.dd', NULL, 1, NULL, NULL);
INSERT INTO public.commands VALUES ('30005.1.ee', 'REF30005', '2026-11-26T03:48:10.297+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'eF5gH7jK9lM2nP4qR6sT won', 'eF5gH7jK9lM2nP4qR6sT', 'won', 'answered', 'won', 'won', 'already_so', NULL, NULL, NULL, 'New website', NULL, NULL, NULL, '56e40f917bc762ea', 1795664918.80745, 0, NULL, 'https://hooks.example/commands/not-a-key', NULL, 0, '{"text": "It is won.", "blocks": [{"type": "divider"}], "public": true, "replaces": false, "also_in": "C0WINS", "asks_why": false, "takes_back": false}', NULL, NULL, NULL, 'given', NULL, NULL, NULL, 1, NULL, NULL);
INSERT INTO public.probe VALUES ('x');
INSERT INTO public.schema_version VALUES (3);
ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (key);
CREATE INDEX commands_by_batch ON public.commands USING btree (batch) WHERE (batch IS NOT NULL);
CREATE INDEX commands_by_opportunity ON public.commands USING btree (opportunity_id, accepted_at);
CREATE INDEX commands_by_time ON public.commands USING btree (accepted_at);
CREATE INDEX commands_by_user ON public.commands USING btree (user_id, accepted_at);
CREATE UNIQUE INDEX commands_one_answer ON public.commands USING btree (continues) WHERE ((continues IS NOT NULL) AND ((outcome IS NULL) OR (outcome = 'changed'::text)));
CREATE UNIQUE INDEX commands_one_at_a_time ON public.commands USING btree (opportunity_id) WHERE (state = ANY (ARRAY['running'::text, 'intended'::text]));
CREATE UNIQUE INDEX commands_one_undo ON public.commands USING btree (undoes) WHERE ((undoes IS NOT NULL) AND ((outcome IS NULL) OR (outcome = 'changed'::text)));
CREATE INDEX commands_unfinished ON public.commands USING btree (lease_until) WHERE (state <> 'finished'::text);
CREATE INDEX commands_waiting ON public.commands USING btree (opportunity_id, accepted_at) WHERE (state <> 'finished'::text);
