"""Who may change deals: the rules, who is asked, and how often a person may ask."""
