"""Opp Status: change a HighLevel deal from Slack.

The listing is the architecture; imports point downwards only.

    __main__     the verbs: serve, socket, check, connect, history, access, demo; the only reader of the environment
    web          the bot over HTTP
    simulator    stand-ins for Slack and HighLevel, and the demo

    wiring       builds the bot: the only file in which the concrete classes meet

    slack        listeners for what is typed and pressed: translate, decide at once what can be, hand over the rest
    modal        listeners for the form
    admission    who asks to be let in, and the admins who decide
    intake       the way in: who may, and writing down what they want
    socket_mode  the bot over a connection of its own to Slack
    installation  the pages on which somebody connects HighLevel by OAuth
    metrics      counts what happens, and the page on which Prometheus reads it
    dispatch     hands contents to Bolt, which may not foresee their shape

    accounts     what works in each sub-account: a client, what it remembers, what uses it
    worker       carries out commands, each to its one reply; takes over what a dead process left
    replies      delivers a message, and says which way
    views        opens and changes forms
    crm          the CRM port over HighLevel
    highlevel    a client for HighLevel's API that has never heard of this bot
    renewal      keeps the tokens of what is connected fresh, by one process at a time
    connections  the accounts that are connected by OAuth, and the passes by which they come to be
    door         whether somebody may: by a setting, by a user group, by an admin's word
    directory    what Slack knows about people, user groups and channels, kept for five minutes
    register     who asked to be let in and what was decided, over the database
    bindings     which channel works in which sub-account, over the database
    history      reads the ledger: for somebody in Slack, and all of it for an auditor
    ledger       one row per accepted command
    backlog      how much of the ledger is unfinished, read beside everything else
    database     one thread, and commits that are shared
    engine       how a database is opened; where SQLite and PostgreSQL differ
    schema       the database's tables and their versions
    health       named checks, for /readyz and `check`
    examination  what only `check` tries: what HighLevel's token may, and Slack's way to the bot
    workspace    which Slack workspace is ours
    envelope     is this request from Slack, and what is in it?
    transport    the connections under httpx
    logs         one line per thing that happened, never a secret

    claims       what is wanted of the ledger while a command is worked on
    inquiries    answers questions about deals
    identify     which deal is meant by a name, and which lost reason
    change       the use case: find, decide, write down, change, confirm; resume by looking
    messages     every sentence that a person in Slack reads
    said         what somebody typed or pressed, out of what Slack sends
    form         the modal in which a deal is changed: what it shows, what was entered
    doctor       what can be wrong with an installation, and the place where it is mended
    listing      the audit trail, and who was let in, as a table, CSV or JSON

    locations    the sub-accounts, and which of them is meant
    outcome      what became of a command
    command      text -> request
    permission   a request for access, and what became of it
    press        what a button or a choice means
    record       a command as it is written down and remembered; can it be taken back?
    inputs       pieces of modals that cannot break Slack's rules: menus, fields, boxes to tick
    access       who may, from where, how often
    status       what a deal is
    blocks       pieces of messages that cannot break Slack's rules
    moments      points in time as people type them
    vault        keeps secrets encrypted
    watch        what is taken note of while the bot works, for whoever measures it
    settings     what an operator sets
"""
