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
    effect text
);
CREATE TABLE public.probe (
    pad text NOT NULL
);
CREATE TABLE public.schema_version (
    version integer NOT NULL
);
INSERT INTO public.commands VALUES ('20001.1.aa', 'REF20001', '2026-11-25T05:17:09.544+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'aB3dE5fG7hJ9kL1mN2pQ won', 'aB3dE5fG7hJ9kL1mN2pQ', 'won', 'finished', 'open', 'won', 'changed', 'f3d1df6d', 'channel', '2026-11-25T05:17:09.582+00:00', 'New website', NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, '1700000000.000100', 0, NULL, NULL);
INSERT INTO public.commands VALUES ('20002.1.bb', 'REF20002', '2026-11-25T05:17:09.584+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', '20001.1.aa', 'aB3dE5fG7hJ9kL1mN2pQ', 'open', 'finished', 'won', 'open', 'changed', '', 'response_url', '2026-11-25T05:17:09.591+00:00', 'New website', NULL, 'won', '20001.1.aa', NULL, NULL, 0, NULL, NULL, '1700000000.000100', 0, NULL, NULL);
INSERT INTO public.commands VALUES ('20003.1.cc', 'REF20003', '2026-11-25T05:17:09.593+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'zZ9yY8xX7wW6vV5uU4tT lost – ‘naïve’ 😀', 'zZ9yY8xX7wW6vV5uU4tT', 'lost', 'finished', NULL, NULL, 'not_found', 't', 'undelivered', '2026-11-25T05:17:09.599+00:00', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, 'nothing');
INSERT INTO public.commands VALUES ('20004.1.dd', 'REF20004', '2026-11-25T05:17:09.600+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'cD4eF6gH8jK1lM3nP5qR won', 'cD4eF6gH8jK1lM3nP5qR', 'won', 'intended', 'open', NULL, NULL, NULL, NULL, NULL, 'Spring campaign', NULL, NULL, NULL, 'd5a2db02aff54ee2', 1795583858.105993, 0, NULL, 'https://hooks.example/commands/not-a-key', NULL, 0, NULL, NULL);
INSERT INTO public.commands VALUES ('20005.1.ee', 'REF20005', '2026-11-25T05:17:09.606+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'cD4eF6gH8jK1lM3nP5qR lost', 'cD4eF6gH8jK1lM3nP5qR', 'lost', 'accepted', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'd5a2db02aff54ee2', 1795583858.107731, 0, NULL, 'https://hooks.example/commands/not-a-key', NULL, 0, NULL, NULL);
INSERT INTO public.commands VALUES ('20006.1.ff', 'REF20006', '2026-11-25T05:17:09.608+00:00', 'T0SIMULATED', 'C0SALES', 'U0ANA', 'aB3dE5fG7hJ9kL1mN2pQ won', 'aB3dE5fG7hJ9kL1mN2pQ', 'won', 'answered', 'won', 'won', 'already_so', NULL, NULL, NULL, 'New website', NULL, NULL, NULL, 'd5a2db02aff54ee2', 1795583858.112957, 0, NULL, 'https://hooks.example/commands/not-a-key', NULL, 0, '{"text": "Ana changed New website from open to won.", "blocks": [{"type": "divider"}], "public": true, "replaces": false}', NULL);
INSERT INTO public.schema_version VALUES (2);
ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (key);
CREATE INDEX commands_by_opportunity ON public.commands USING btree (opportunity_id, accepted_at);
CREATE INDEX commands_by_time ON public.commands USING btree (accepted_at);
CREATE INDEX commands_by_user ON public.commands USING btree (user_id, accepted_at);
CREATE UNIQUE INDEX commands_one_at_a_time ON public.commands USING btree (opportunity_id) WHERE (state = ANY (ARRAY['running'::text, 'intended'::text]));
CREATE UNIQUE INDEX commands_one_undo ON public.commands USING btree (undoes) WHERE ((undoes IS NOT NULL) AND ((outcome IS NULL) OR (outcome = 'changed'::text)));
CREATE INDEX commands_unfinished ON public.commands USING btree (lease_until) WHERE (state <> 'finished'::text);
CREATE INDEX commands_waiting ON public.commands USING btree (opportunity_id, accepted_at) WHERE (state <> 'finished'::text);
