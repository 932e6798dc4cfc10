CREATE TABLE public.access (
    reference text NOT NULL,
    user_id text NOT NULL,
    team_id text NOT NULL,
    channel_id text NOT NULL,
    asked_at text NOT NULL,
    state text NOT NULL,
    decided_by text,
    decided_at text,
    revoked_by text,
    revoked_at text
);
CREATE TABLE public.channels (
    channel_id text NOT NULL,
    location_id text NOT NULL,
    bound_by text NOT NULL,
    bound_at text NOT NULL
);
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
    announced_ts text,
    location_id text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.connections (
    account_id text NOT NULL,
    kind text NOT NULL,
    company_id text NOT NULL,
    access text NOT NULL,
    refresh text,
    given_at double precision NOT NULL,
    ends_at double precision NOT NULL,
    generation integer NOT NULL,
    owner text,
    lease_until double precision,
    refused text
);
CREATE TABLE public.passes (
    digest text NOT NULL,
    purpose text NOT NULL,
    ends_at double precision NOT NULL,
    spent integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.probe (
    pad text NOT NULL
);
CREATE TABLE public.schema_version (
    version integer NOT NULL
);
INSERT INTO public.access VALUES ('K7QM2XRA', 'U0BEN', 'T1', 'C0SALES', '2026-11-24T10:00:00.000+00:00', 'approved', 'U0KIM', '2026-11-24T10:05:00.000+00:00', NULL, NULL);
INSERT INTO public.commands VALUES ('1000000', 'H4WSYDSE', '1000-01-01T00:00:00.000+00:00', 'T1', 'C0SALES', 'U0ANA', 'deal won', 'deal', 'won', 'finished', 'open', 'won', 'changed', NULL, 'response_url', '2026-11-24T10:00:00.000+00:00', 'New website', NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 'given', NULL, NULL, NULL, 1, NULL, NULL, '');
INSERT INTO public.commands VALUES ('1000001', 'H4WSYDSE', '1000-01-01T00:00:00.000+00:00', 'T1', 'C0SALES', 'U0ANA', 'deal won', 'deal', 'won', 'finished', 'open', 'won', 'changed', NULL, 'response_url', '2026-11-24T10:00:00.000+00:00', 'New website', NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 'given', NULL, NULL, NULL, 1, NULL, NULL, '');
INSERT INTO public.schema_version VALUES (4);
ALTER TABLE ONLY public.access
    ADD CONSTRAINT access_pkey PRIMARY KEY (reference);
ALTER TABLE ONLY public.channels
    ADD CONSTRAINT channels_pkey PRIMARY KEY (channel_id);
ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.connections
    ADD CONSTRAINT connections_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY public.passes
    ADD CONSTRAINT passes_pkey PRIMARY KEY (digest);
CREATE INDEX access_by_user ON public.access USING btree (user_id, asked_at);
CREATE UNIQUE INDEX access_one_standing ON public.access USING btree (user_id) WHERE (state = ANY (ARRAY['open'::text, 'approved'::text]));
CREATE INDEX commands_by_batch ON public.commands USING btree (batch) WHERE (batch IS NOT NULL);
CREATE INDEX commands_by_opportunity ON public.commands USING btree (opportunity_id, accepted_at);
CREATE INDEX commands_by_time ON public.commands USING btree (accepted_at);
CREATE INDEX commands_by_user ON public.commands USING btree (user_id, accepted_at);
CREATE UNIQUE INDEX commands_one_answer ON public.commands USING btree (continues) WHERE ((continues IS NOT NULL) AND ((outcome IS NULL) OR (outcome = 'changed'::text)));
CREATE UNIQUE INDEX commands_one_at_a_time ON public.commands USING btree (opportunity_id) WHERE (state = ANY (ARRAY['running'::text, 'intended'::text]));
CREATE UNIQUE INDEX commands_one_undo ON public.commands USING btree (undoes) WHERE ((undoes IS NOT NULL) AND ((outcome IS NULL) OR (outcome = 'changed'::text)));
CREATE INDEX commands_unfinished ON public.commands USING btree (lease_until) WHERE (state <> 'finished'::text);
CREATE INDEX commands_waiting ON public.commands USING btree (opportunity_id, accepted_at) WHERE (state <> 'finished'::text);
