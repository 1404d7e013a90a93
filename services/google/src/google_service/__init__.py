"""Google Calendar and Sheets on behalf of a tenant."""
