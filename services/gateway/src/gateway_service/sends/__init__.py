"""Messages sent by PUT: most go to chat as the sockets' do, with other people's commands."""
